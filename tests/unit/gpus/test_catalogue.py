"""GPUs are found by every name that nvidia-smi, clouds and people give them."""

from __future__ import annotations

import csv

import pytest

from qwen_recipes.gpus import catalogue
from qwen_recipes.gpus.catalogue import UnknownGpuError, get_gpu_model, identify_gpu, load_gpus, parse_gpu
from qwen_recipes.gpus.mig import list_profiles
from tests.conftest import ROOT

NAMES = {
    "a100-40gb": "a100 | A100-PCIE-40GB | NVIDIA A100-SXM4-40GB | nvidia_a100_40gb",
    "a100-80gb": "A100-80GB | NVIDIA A100-SXM4-80GB | A100 SXM 80GB",
    "a100-80gb-pcie": "NVIDIA A100 80GB PCIe",
    "h100": "H100 | NVIDIA H100 80GB HBM3 | H100-SXM5-80GB | NVIDIA-H100-80GB-HBM3",
    "h100-pcie": "NVIDIA H100 PCIe",
    "h100-nvl": "NVIDIA H100 NVL | H100 NVL 94GB",
    "h200": "NVIDIA H200 | H200 141GB | H200 SXM",
    "b300": "NVIDIA B300 SXM6 AC",
    "gh200-96gb": "NVIDIA GH200 480GB | GH200",
    "gb10": "NVIDIA GB10 | DGX Spark",
    "a10g": "NVIDIA A10G | A10G",
    "l40": "L40G | NVIDIA L40",
    "h20-141gb": "H20-3e | NVIDIA H20 141GB",
    "t4": "Tesla T4 | T4G",
    "v100-16gb": "v100 | Tesla V100-SXM2-16GB",
    "v100-32gb": "V100-32GB | Tesla V100-PCIE-32GB | V100S-PCIE-32GB",
    "p100": "Tesla P100-PCIE-16GB | P100",
    "rtx-4090": "NVIDIA GeForce RTX 4090 | RTX4090 | 4090 | GeForce RTX 4090 24GB",
    "rtx-4090-d": "NVIDIA GeForce RTX 4090 D | 4090D | RTX 4090D",
    "rtx-4090-laptop": "NVIDIA GeForce RTX 4090 Laptop GPU | RTX 4090 Mobile",
    "rtx-4060-ti-8gb": "rtx 4060ti",
    "rtx-4060-ti-16gb": "RTX 4060 Ti 16GB",
    "rtx-pro-6000": "NVIDIA RTX PRO 6000 Blackwell Workstation Edition | RTX 6000 Blackwell | RTX PRO 6000",
    "rtx-pro-6000-max-q": "NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition",
    "rtx-pro-6000-server": "NVIDIA RTX PRO 6000 Blackwell Server Edition",
    "rtx-pro-5000-laptop": "NVIDIA RTX PRO 5000 Blackwell Generation Laptop GPU",
    "rtx-6000-ada": "NVIDIA RTX 6000 Ada Generation | RTX6000-Ada",
    "quadro-rtx-6000": "Quadro RTX 6000 | RTX 6000",
    "rtx-a6000": "NVIDIA RTX A6000 | A6000 | RTXA6000",
    "mi300x": "AMD Instinct MI300X | MI300X OAM | mi300x",
    "h100-mig-3g.40gb": "H100 MIG 3g.40gb | NVIDIA H100 80GB HBM3 MIG 3g.40gb | h100-mig-3g.40gb",
    "a100-40gb-mig-1g.5gb": "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb | A100 MIG 1c.1g.5gb",
    "a100-80gb-mig-3g.40gb": "A100 MIG 3g.40gb",
    "h200-mig-1g.18gb": "NVIDIA H200 MIG 1g.18gb+me",
    "b300-mig-1g.34gb": "B300 MIG 1g.34gb",
}


@pytest.mark.parametrize(("name", "spelling"), [(name, one) for name, all in NAMES.items() for one in all.split(" | ")])
def test_a_spelling_finds_its_gpu(name, spelling):
    assert get_gpu_model(spelling).name == name


def test_every_name_of_the_catalogue_finds_itself():
    for gpu in load_gpus().values():
        assert [get_gpu_model(text) for text in (gpu.name, *gpu.other_names)] == [gpu] * (1 + len(gpu.other_names))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("4900", "rtx-4090"),
        ("h1000", "h100"),
        ("mi300", "mi300x"),
        ("RTX 4090 48GB", "sold with 24 GiB; for a modified one write `gpu: {name: rtx-4090, memory: 48 GiB}`"),
        ("4090 48GB", "rtx-4090 is sold with 24 GiB"),
        ("h100x8", "`gpu: h100` and `gpus: 8`"),
        ("2 x A100", "`gpu: a100-40gb` and `gpus: 2`"),
        ("40GiB", "`gpu: {memory: 40 GiB}`"),
        ("abacus", "memory: 48 GiB"),
        ("", "memory: 48 GiB"),
        ("T4 MIG 1g.5gb", "t4 has no MIG"),
        ("H100 MIG 5g.40gb", "1g.10gb, 1g.20gb, 2g.20gb, 3g.40gb, 4g.40gb, 7g.80gb"),
        ("H100 MIG 3g.10gb", "no MIG profile 3g.10gb"),
    ],
)
def test_what_is_not_known_is_refused_with_what_is_near(name, said):
    with pytest.raises(UnknownGpuError, match=said):
        get_gpu_model(name)


@pytest.mark.parametrize(
    ("name", "memory", "gpu"),
    [
        ("NVIDIA H100 80GB HBM3", 79.6, "h100"),
        ("NVIDIA GeForce RTX 3090 Ti", 23.99, "rtx-3090-ti"),
        ("NVIDIA GeForce RTX 3060", 12.0, "rtx-3060"),
        ("NVIDIA GeForce RTX 3060", 8.0, "rtx-3060-8gb"),
        ("NVIDIA A100-SXM4-40GB", 39.4, "a100-40gb"),
        ("NVIDIA A10G", 22.5, "a10g"),
        ("NVIDIA GH200 480GB", 95.6, "gh200-96gb"),
        ("NVIDIA H20", 139.8, "h20-141gb"),
        ("NVIDIA H100 80GB HBM3 MIG 3g.40gb", 40.0, "h100-mig-3g.40gb"),
        ("NVIDIA GeForce RTX 4090", 48.0, None),
        ("Unheard Of 1", 8.0, None),
    ],
)
def test_a_drivers_name_and_memory_find_the_catalogues(name, memory, gpu):
    found = identify_gpu(name, memory)
    assert (found.name if found else None) == gpu


def test_a_slice_has_its_share():
    whole, part = get_gpu_model("h100"), get_gpu_model("H100 MIG 3g.40gb")
    assert (part.memory, part.capability, part.supports_bf16) == (40, 9.0, True)
    assert part.bandwidth == whole.bandwidth / 2 and part.bf16_tflops == pytest.approx(whole.bf16_tflops * 3 / 7)
    for gpu in load_gpus().values():
        for profile in list_profiles(gpu):
            assert get_gpu_model(f"{gpu.name} MIG {profile}").name == f"{gpu.name}-mig-{profile}"


def test_bf16_and_tf32_by_maker_and_generation():
    has = {name: (get_gpu_model(name).supports_bf16, get_gpu_model(name).supports_tf32) for name in load_gpus()}
    assert has["t4"] == has["v100-16gb"] == has["p100"] == has["rtx-2080-ti"] == (False, False)
    assert has["a100-40gb"] == has["rtx-3060"] == has["gb10"] == (True, True)
    assert has["mi300x"] == has["mi210"] == (True, False)


def test_a_command_line_may_state_memory_alone():
    assert parse_gpu("48GiB").memory == parse_gpu("48 GB").memory == 48 and parse_gpu("48GiB").supports_bf16
    assert parse_gpu("49140MiB").memory == 48 and parse_gpu("81559 MiB").memory == 80
    assert not parse_gpu("12GiB,bf16=false").supports_bf16 and parse_gpu("12 GB, bf16=true").supports_bf16
    for text in ("-5GiB", "0GiB", "5.GiB", "12GiB,fp16", "12,bf16=false"):
        with pytest.raises(UnknownGpuError):
            parse_gpu(text)
    assert parse_gpu("rtx-4090").name == "rtx-4090"


def test_the_catalogue_is_plausible_and_has_its_sources():
    with (ROOT / "qwen_recipes/gpus/catalogue.csv").open(encoding="utf-8") as file:
        names = [row["name"] for row in csv.DictReader(file)]
    assert len(names) == len(set(names)) == len(catalogue.load_gpus()) > 120
    for gpu in load_gpus().values():
        assert 6 <= gpu.memory <= 300 and 150 < gpu.bandwidth <= 8000 and 10 < gpu.bf16_tflops <= 2500, gpu.name
        assert gpu.source and (gpu.capability is None) == (gpu.maker == "amd")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        *((wrong, "a whole number of GiB above 0: `--gpu 48GiB`") for wrong in ("-5GiB", "0GiB", "24.5", "24.5 GB")),
        ("2x4090", "`gpu: rtx-4090` and `gpus: 2`"),
        ("4090x2", "`gpu: rtx-4090` and `gpus: 2`"),
        ("8xH100", "`gpu: h100` and `gpus: 8`"),
    ],
)
def test_a_wrong_memory_and_several_gpus_are_told_apart_from_names(name, said):
    with pytest.raises(UnknownGpuError) as caught:
        get_gpu_model(name)
    assert said in str(caught.value)
