"""Gather what a GPU machine without a network lacks: one folder of packages a stack, packed into one small archive.

    python3.12 research/measurements/offline_packages.py FOLDER PACKAGES [STACK …]

It writes FOLDER/sites/* and FOLDER/sites.txz.
PACKAGES: site-packages of an environment that has DeepSpeed, built without its operations (ms-swift's for the CPU has).

For a machine that has Python 3.12 with PyTorch, transformers' own dependencies, SciPy and PIL already. Headers, tests
and libraries for other hardware are left out. `numba` is replaced by a module whose `njit` gives the function back: its
compiler would weigh more than all the rest, and Axolotl uses it to pack rows only. On the machine: `tar xf sites.txz`,
and `--sites sites` for the scripts beside this one.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

COMMON = """
bitsandbytes==0.50.2 liger-kernel==0.8.5 peft==0.21.2 transformers==5.23.0 tokenizers==0.23.3 huggingface-hub==1.33.0
pyarrow==26.0.1 pandas==3.1.1 python-dateutil==4.0.0 six==1.17.0 datasets==5.0.1 dill==0.4.1 multiprocess==0.70.19
fsspec==2026.6.0 xxhash==4.1.0 pydantic==2.13.5 pydantic-core==2.46.5 annotated-types==0.8.0 typing-inspection==0.4.5
typing-extensions==4.15.0 click==8.5.1 hjson==3.1.0 py-cpuinfo==9.0.0 einops==0.8.2 msgpack==1.2.4 ninja
nvidia-ml-py==13.615.71 rich==15.0.0 pygments==2.21.0 markdown-it-py mdurl sentencepiece==0.2.3 tiktoken
protobuf==7.36.2 regex==2026.11.15 PyYAML==6.0.3 requests==2.34.2 attrs==26.1.0 httpx==0.28.1 psutil==7.2.2
filelock==4.2.12 tqdm==4.70.1
aiohttp==3.14.5 aiohappyeyeballs==2.7.1 aiosignal==1.4.0 frozenlist==1.8.0 multidict==7.2.1 propcache==0.5.4
yarl==1.25.1
"""
STACKS = {
    "current": COMMON,
    "llamafactory": """
llamafactory==0.9.5 transformers==5.5.4 tokenizers==0.22.2 peft==0.18.1 accelerate==1.11.0 trl==0.24.0 datasets==4.0.0
dill==0.3.8 multiprocess==0.70.16 fsspec==2025.3.0 omegaconf==2.4.0 antlr4-python3-runtime fire==0.7.1 termcolor==3.3.0
""",
    "ms-swift": """
ms-swift==4.6.0 transformers==5.19.0 peft==0.20.0 trl==0.29.1 datasets==4.8.4 fsspec==2026.2.0 modelscope==1.40.2
modelscope-hub==0.5.1 json-repair==0.64.6 simplejson==4.3.0 cloudpickle==3.1.2 addict==2.4.0 sortedcontainers
cryptography==50.0.2 cffi==2.1.1 pycparser dacite==1.9.2
""",
    "axolotl": """
axolotl==0.21.0 transformers==5.20.1 trl==1.14.1 axolotl-contribs-lgpl==0.0.7 axolotl-contribs-mit==0.0.6
addict==2.4.0 backoff==2.2.1 colorama==0.4.6 distro==1.9.0 evaluate==0.4.1 fire==0.7.1 termcolor==3.3.0
kernels==0.17.2 opentelemetry-api==1.45.2
posthog==6.7.11 python-dotenv==1.0.1 sniffio==1.3.1 platformdirs==4.14.7 fastcore==2.2.39 art wandb==0.31.0
sentry-sdk gitpython gitdb smmap
""",
    "trl": "trl==1.16.0 accelerate==1.15.0",
    "unsloth": """
unsloth==2026.10.9 unsloth_zoo==2026.10.9 transformers==5.17.0 trl==0.29.1 datasets==4.3.0 dill==0.4.0
multiprocess==0.70.16 fsspec==2025.9.0 cut-cross-entropy==25.1.1 torchao==0.18.0 msgspec==0.23.0 hf_transfer==0.1.9
tyro==1.0.17 docstring_parser==0.18.0 typeguard==4.6.1 typer==0.27.1 annotated-doc==0.0.7 shellingham==1.5.4
json5==0.17.3 nest-asyncio==1.6.0 structlog==26.1.0 fastapi==0.141.1 starlette==1.10.0 python-multipart==0.0.34
email-validator==2.4.0 dnspython==2.9.2 tabulate==0.10.0 typing-extensions==4.16.0
""",
    "recipes": "jsonschema jsonschema-specifications referencing rpds-py",
}
"""Versions as in the backends' locks, where they matter."""
FROM_SOURCE = ("antlr4-python3-runtime", "fire", "axolotl-contribs-lgpl", "axolotl-contribs-mit", "axolotl")
"""Packages without a wheel that are Python alone."""
UNUSED_FILES = (
    *("**/tests", "**/test", "**/*.pyi", "**/include", "**/__pycache__", "bin", "share", "**/*.pyx", "**/*.pxd"),
    *("bitsandbytes/libbitsandbytes_cuda1[012]*", "bitsandbytes/libbitsandbytes_cuda132*", "bitsandbytes/*rocm*"),
    *(
        "bitsandbytes/*xpu*",
        "pyarrow/libarrow_flight*",
        "pyarrow/_flight*",
    ),
    *("pyarrow/_substrait*", "pyarrow/_orc*", "pyarrow/src", "pyarrow/includes", "pyarrow/libarrow_python*.1.0"),
    *(
        "modelscope/models",
        "modelscope/trainers",
        "modelscope/pipelines",
        "modelscope/preprocessors",
        "ninja/data",
        "wandb/bin",
        "studio/frontend",
        "studio/src-tauri",
    ),
)
NUMBA = '''\
"""Stands in for numba where its compiler is not: the functions run as Python."""


def njit(*given, **_):
    return given[0] if given and callable(given[0]) else lambda function: function


jit, prange = njit, range
'''


def install_packages(packages: list[str], folder: Path, *options: str) -> None:
    """Into the folder, without dependencies."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--target", str(folder)]
    subprocess.run([*pip, "--upgrade", *options, *packages], check=True)


def copy_deepspeed(folder: Path) -> None:
    """Without compiled parts, and without a mention of the PyTorch that it was built with."""
    for path in Path(sys.argv[2]).glob("deepspeed*"):
        shutil.copytree(path, folder / path.name, dirs_exist_ok=True)
    built = folder / "deepspeed" / "git_version_info_installed.py"
    told = built.read_text("utf-8").replace("accelerator_name='cpu'", "accelerator_name='cuda'")
    kept = [line for line in told.splitlines() if not line.startswith("torch_info")]
    fields = ("version", "cuda_version", "nccl_version", "hip_version")
    unknown = dict.fromkeys(fields, "0.0") | {"bf16_support": False}
    built.write_text("\n".join([*kept, f"torch_info={unknown!r}", ""]), "utf-8")


def install_recipes(folder: Path) -> None:
    """What names this project's backends; its code comes from the checkout."""
    install_packages([str(Path(__file__).resolve().parents[2])], folder)
    shutil.rmtree(folder / "qwen_recipes")


def remove_unused_files(folder: Path) -> None:
    """Leave out what is not run, and debugging symbols."""
    for pattern in UNUSED_FILES:
        for path in sorted(folder.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            elif path.exists():
                path.unlink()
    libraries = [path for path in folder.rglob("*.so*") if path.is_file()]
    if libraries:
        subprocess.run(["strip", "--strip-unneeded", *map(str, libraries)], check=False, stderr=subprocess.DEVNULL)


def main() -> None:
    root = Path(sys.argv[1]).resolve()
    for name, packages in STACKS.items():
        if sys.argv[3:] and name not in sys.argv[3:]:
            continue
        folder = root / "sites" / name
        if folder.is_dir():
            continue
        wheels = [one for one in packages.split() if one.partition("==")[0] not in FROM_SOURCE]
        source = [one for one in packages.split() if one.partition("==")[0] in FROM_SOURCE]
        install_packages(wheels, folder, "--only-binary=:all:")
        if source:
            install_packages(source, folder)
        if name == "current":
            copy_deepspeed(folder)
        if name == "axolotl":
            (folder / "numba").mkdir()
            (folder / "numba" / "__init__.py").write_text(NUMBA, "utf-8")
        if name == "recipes":
            install_recipes(folder)
        remove_unused_files(folder)
        print(name, sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) >> 20, "MiB", flush=True)
    packed = ["tar", "-C", str(root), "-c", "sites", "-I", "xz -T1 --lzma2=preset=6,dict=512MiB"]
    subprocess.run([*packed, "-f", str(root / "sites.txz")], check=True)


if __name__ == "__main__":
    main()
