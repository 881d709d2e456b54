"""`recipes run` of a pipeline: its stages one after another, with one record."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from qwen_recipes.cli.compile import compile_or_exit, exit_if_runs_shared, get_compiled_folder
from qwen_recipes.cli.console import print_stderr, print_text
from qwen_recipes.cli.hub_files import fetch_recipe_models
from qwen_recipes.cli.lock_check import exit_on_drift, pin_locked_revision
from qwen_recipes.cli.options_and_exits import ExitCode, choose_backends_or_exit, exit_with_error
from qwen_recipes.cli.run_flags import RunFlags
from qwen_recipes.filesystem.home_folder import expand_home
from qwen_recipes.recipe.composition.sweep_key import BEST_LINK

if TYPE_CHECKING:
    from qwen_recipes.compile import CompiledRecipe
    from qwen_recipes.export.merge import MergeJob
    from qwen_recipes.export.merge_models import ModelMerge
    from qwen_recipes.recipe.load import LoadedRecipe
    from qwen_recipes.recipe.pipeline import Pipeline, PipelineStage
    from qwen_recipes.recipe.trials import LoadedSweep
    from qwen_recipes.resolve import BackendRecipe
    from qwen_recipes.runs.pipeline import PipelineRecord, StageRecord


RunRecipe = Callable[["BackendRecipe", "Path | None", tuple[str, ...], RunFlags], None]
"""Runs one recipe, and ends the process with how it went."""


def run_pipeline(
    pipeline: Pipeline,
    backend: str | None,
    output: Path | None,
    sets: tuple[str, ...],
    flags: RunFlags,
    run_recipe: RunRecipe,
) -> ExitCode:
    """Run what is not done of a pipeline, and return how it ended. Every stage is compiled before the first starts."""
    runner = _PipelineRunner(pipeline, backend, output, sets, flags, run_recipe)
    runner.compile_all()
    if flags.dry_run:
        return runner.print_stages()
    return runner.run_locked()


class _PipelineRunner:
    """One call of `recipes run` for a pipeline."""

    def __init__(
        self,
        pipeline: Pipeline,
        backend: str | None,
        output: Path | None,
        sets: tuple[str, ...],
        flags: RunFlags,
        run_recipe: RunRecipe,
    ) -> None:
        self.pipeline, self.backend, self.output, self.sets, self.flags = pipeline, backend, output, sets, flags
        self.run_recipe = run_recipe
        self.folder = pipeline.folder / pipeline.output

    def choose(self, stage: PipelineStage) -> BackendRecipe:
        """The stage's recipe for its framework."""
        return choose_backends_or_exit(stage.loaded, self.backend, prepare=self._prepare)[0]

    def _prepare(self, loaded: LoadedRecipe) -> LoadedRecipe:
        return fetch_recipe_models(pin_locked_revision(loaded) if self.flags.locked else loaded)

    def compile(self, stage: PipelineStage) -> CompiledRecipe:
        """The stage as it is now: what earlier stages wrote is there or not."""
        recipe = self.choose(stage)
        return compile_or_exit([recipe], get_compiled_folder(recipe.loaded, self.output))[0]

    def compile_all(self) -> None:
        """Exit with every problem of the first stage that has one."""
        self._check_outside_inputs()
        self._check_mergekit()
        compiled = [self.compile(stage) for stage in self.pipeline.trainings]
        exit_if_runs_shared(compiled)
        if self.flags.locked:
            exit_on_drift(compiled, self.pipeline)

    def _check_outside_inputs(self) -> None:
        """Exit where a merge names a folder that is not there and that no stage before it writes."""
        written: list[str] = []
        for stage in self.pipeline.stages:
            for name in (one.folder for one in stage.inputs):
                folder = self.pipeline.folder / expand_home(name)
                if os.path.normpath(name) not in written and not folder.is_dir():
                    exit_with_error(f"stage {stage.name} merges {name}, which does not exist", ExitCode.USAGE)
            written += [os.path.normpath(stage.output), os.path.normpath(f"{stage.output}/{BEST_LINK}")]

    def _check_mergekit(self) -> None:
        """Exit where a stage merges whole models and mergekit is not installed: nobody has to find out hours later."""
        from qwen_recipes.environments.environment import MissingEnvironmentError
        from qwen_recipes.export.merge_models import find_mergekit

        if self.flags.dry_run or not any(one.merge and one.merge.models for one in self.pipeline.stages):
            return
        try:
            find_mergekit()
        except MissingEnvironmentError as error:
            exit_with_error(str(error), ExitCode.ENVIRONMENT)

    def print_stages(self) -> ExitCode:
        """A dry run of each stage; the exit code of the first that would not start."""
        codes = []
        for stage in self.pipeline.stages:
            print_text(f"stage {stage.name}")
            if stage.merge:
                print_text(f"merge        {', '.join(one.folder for one in stage.inputs)} into {stage.output}")
            elif stage.sweep is not None:
                codes.append(self._call_sweep(stage.sweep, resume=self.flags.resume))
            else:
                codes.append(self._run_to_exit_code(self.choose(stage), self.flags))
            if ExitCode.INTERRUPTED in codes:
                break
        return next((code for code in codes if code != ExitCode.SUCCESS), ExitCode.SUCCESS)

    def run_locked(self) -> ExitCode:
        """Run under the lock of the pipeline's folder, so that no two runs of it meet."""
        from qwen_recipes.filesystem.locked_folder import lock_folder

        try:
            with lock_folder(self.folder):
                return self._run()
        except OSError as error:
            exit_with_error(f"{error.filename or self.folder}: {error.strerror}", ExitCode.ENVIRONMENT)

    def _run(self) -> ExitCode:
        from qwen_recipes.runs.pipeline import open_pipeline_record

        record = open_pipeline_record(self.folder, self.pipeline, self.sets)
        for stage, state in zip(self.pipeline.stages, record.stages, strict=True):
            code = self._run_merge(stage, record, state) if stage.merge else self._run_training(stage, record, state)
            if code != ExitCode.SUCCESS:
                print_stderr(
                    f"recipes: stage {stage.name} did not finish; run the same command again to continue there"
                    f"{', with --resume from its last checkpoint' if stage.merge is None else ''}"
                )
                return code
        print_stderr(f"pipeline {self.pipeline.name} is finished: {record.stages[-1].output}")
        return ExitCode.SUCCESS

    def _run_training(self, stage: PipelineStage, record: PipelineRecord, state: StageRecord) -> ExitCode:
        from qwen_recipes.runs.pipeline import has_result, hash_training_inputs

        if stage.sweep is not None:
            return self._run_sweep(stage.sweep, record, state)
        compiled = self.compile(stage)
        made_from = hash_training_inputs(compiled)
        same = state.made_from == made_from
        if same and state.status == "finished" and has_result(state, adapter=compiled.plan.method.adapter):
            return _skip(state)
        flags = replace(self.flags, resume=self.flags.resume and same)
        if self.flags.resume and not same and state.made_from:
            print_stderr(f"recipes: stage {stage.name} starts over: its inputs have changed since it began")
        print_stderr(f"stage {stage.name}: {compiled.backend.title}")
        record.begin(state, self.folder, made_from, compiled.backend.name)
        began = time.monotonic()
        code = self._run_to_exit_code(compiled.recipe, flags)
        record.end(state, self.folder, code, time.monotonic() - began)
        return code

    def _run_to_exit_code(self, recipe: BackendRecipe, flags: RunFlags) -> ExitCode:
        """Run a recipe as `recipes run` does; the exit code instead of the end of the process."""
        try:
            self.run_recipe(recipe, self.output, self.sets, flags)
        except SystemExit as error:
            return ExitCode(error.code if isinstance(error.code, int) else ExitCode.RUN_FAILED)
        except KeyboardInterrupt:
            return ExitCode.INTERRUPTED
        return ExitCode.SUCCESS

    def _run_sweep(self, sweep: LoadedSweep, record: PipelineRecord, state: StageRecord) -> ExitCode:
        """Run the trials of a stage; the stage after it starts from the best one."""
        from qwen_recipes.recipe.load import hash_content
        from qwen_recipes.runs.pipeline import hash_training_inputs

        compiled = compile_or_exit(
            choose_backends_or_exit(sweep.trials[0].loaded, self.backend, prepare=self._prepare)[:1],
            get_compiled_folder(sweep.trials[0].loaded, self.output),
        )[0]
        recipes = [trial.loaded.recipe_hash for trial in sweep.trials]
        made_from = hash_content([recipes, hash_training_inputs(compiled)])
        same = state.made_from == made_from
        if same and state.status == "finished" and (Path(state.output) / BEST_LINK).exists():
            return _skip(state)
        record.begin(state, self.folder, made_from, compiled.backend.name)
        began = time.monotonic()
        code = self._call_sweep(sweep, resume=same)
        record.end(state, self.folder, code, time.monotonic() - began)
        return code

    def _call_sweep(self, sweep: LoadedSweep, *, resume: bool) -> ExitCode:
        from qwen_recipes.cli.run_sweep import SweepCall, run_sweep

        file, flags = self.pipeline.document.file, self.flags
        return run_sweep(sweep, SweepCall(
            file, self.backend, self.sets, self.output, resume, flags.locked, flags.dry_run, flags.force,
        ))  # fmt: skip

    def _run_merge(self, stage: PipelineStage, record: PipelineRecord, state: StageRecord) -> ExitCode:
        from qwen_recipes.cli.merge_stage import build_stage_job, describe_job, list_job_inputs
        from qwen_recipes.export.merge import MergeFailedError
        from qwen_recipes.runs.pipeline import archive_stage, has_result, hash_merge_inputs

        assert stage.merge is not None
        recipe = self.choose(stage)
        try:
            job = build_stage_job(stage, recipe)
            made_from = hash_merge_inputs(describe_job(job), list_job_inputs(job))
            done = state.status == "finished" and state.made_from == made_from
            if done and has_result(state, adapter=stage.merge.into == "adapter"):
                return _skip(state)
            if job.output.exists() and any(job.output.iterdir()):
                if not state.made_from:
                    exit_with_error(f"{job.output} already exists; move it, or set output.dir", ExitCode.USAGE)
                place = archive_stage(job.output.resolve(), self.folder.resolve())
                print_stderr(f"recipes: the previous result of stage {stage.name} was moved to {place}")
            print_stderr(f"stage {stage.name}: merging into {job.output}")
            record.begin(state, self.folder, made_from, recipe.backend.name)
            return self._merge(job, recipe, record, state)
        except MergeFailedError as error:
            record.end(state, self.folder, ExitCode.RUN_FAILED, 0.0)
            print_stderr(f"recipes: {error}")
            return ExitCode.RUN_FAILED

    def _merge(
        self, job: MergeJob | ModelMerge, recipe: BackendRecipe, record: PipelineRecord, state: StageRecord
    ) -> ExitCode:
        from qwen_recipes.cli.merge_stage import run_stage_job
        from qwen_recipes.environments.environment import MissingEnvironmentError

        began = time.monotonic()
        try:
            state.report = run_stage_job(job, recipe)
            code = ExitCode.SUCCESS
        except MissingEnvironmentError as error:
            print_stderr(f"recipes: {error}")
            code = ExitCode.ENVIRONMENT
        except KeyboardInterrupt:
            code = ExitCode.INTERRUPTED
        record.end(state, self.folder, code, time.monotonic() - began)
        return code


def _skip(state: StageRecord) -> ExitCode:
    print_stderr(f"stage {state.name}: done and unchanged since {state.ended}")
    return ExitCode.SUCCESS
