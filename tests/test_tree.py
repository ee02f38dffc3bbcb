"""``tests/`` has the folders of ``effmeter/``: a module's tests are where a reader looks for them.

A module is tested by the test module of its name, or by one that imports it in the tests of its
part. What is tested through another module only is listed here, with the tests that do it.
"""

from collections.abc import Iterator
from pathlib import Path

from tests.test_imports import MODULES, PACKAGE, imported_names

TESTS = Path(__file__).parent

TESTED_THROUGH = {
    "analysis/efficiency_framework/table_rows.py": (
        "analysis/efficiency_framework/test_from_tables.py"
    ),
    "cli/diagnosis.py": "cli/test_doctor.py",
    "cli/doctor_page.py": "cli/test_doctor.py",
    "cli/group.py": "cli/test_report.py",
    "cli/import_csv.py": "cli/test_importing.py",
    "cli/import_mlperf.py": "cli/test_importing.py",
    "cli/import_options.py": "cli/test_importing.py",
    "cli/machine_recording.py": "cli/test_idle.py",
    "cli/options.py": "cli/test_run.py",
    "client/agent.py": "client/test_launch_detection.py",
    "client/vocabulary.py": "tracking/test_loop.py",
    "errors.py": "cli/test_report.py",
    "importers/host_file.py": "importers/test_mlperf.py",
    "importers/job.py": "importers/test_calls.py",
    "importers/log.py": "importers/test_mlperf.py",
    "importers/marks.py": "importers/test_mlperf.py",
    "importers/mlperf_result.py": "importers/test_mlperf.py",
    "kernels/cpu/compiling.py": "methods/ops/test_dispatch.py",
    "kernels/cpu/elementary.py": "kernels/test_confident_rows.py",
    "kernels/cuda/elements.py": "kernels/cuda/test_compilation.py",
    "kernels/cuda/maps.py": "kernels/cuda/test_patches.py",
    "lab/cli/flops_table.py": "lab/cli/test_flops.py",
    "lab/cli/parameters.py": "lab/cli/test_sweep.py",
    "lab/cli/trainer.py": "lab/cli/test_sweep.py",
    "lab/cli/workload_list.py": "lab/cli/test_sweep.py",
    "lab/studies/gradient_approximation/settings.py": "lab/studies/test_method_plans.py",
    "lab/studies/ssprop/operations.py": "lab/studies/test_method_tables.py",
    "lab/studies/ssprop/search.py": "lab/studies/test_method_tables.py",
    "lab/studies/ssprop/settings.py": "lab/studies/test_method_plans.py",
    "lab/studies/teacher_student/study.py": "lab/cli/test_reproduce.py",
    "lab/studies/training_efficiency/means_tables.py": (
        "lab/studies/training_efficiency/test_tables.py"
    ),
    "lab/studies/training_efficiency/scale.py": "lab/studies/training_efficiency/test_tables.py",
    "lab/studies/training_efficiency/study.py": "lab/cli/test_reproduce.py",
    "lab/studies/training_efficiency/table_cells.py": (
        "lab/studies/training_efficiency/test_tables.py"
    ),
    "lab/sweep/catalogue.py": "lab/sweep/test_recording.py",
    "lab/sweep/cell.py": "lab/sweep/test_grid.py",
    "lab/sweep/device.py": "lab/sweep/test_recording.py",
    "lab/workloads/datasets/celeba.py": "lab/workloads/datasets/test_loading.py",
    "lab/workloads/datasets/cifar_binary.py": "lab/workloads/datasets/test_loading.py",
    "lab/workloads/datasets/digits.py": "lab/workloads/test_digits.py",
    "lab/workloads/datasets/folders.py": "lab/workloads/datasets/test_loading.py",
    "lab/workloads/datasets/hugging_face.py": "lab/workloads/datasets/test_parquet.py",
    "lab/workloads/datasets/idx.py": "lab/workloads/datasets/test_loading.py",
    "lab/workloads/datasets/layouts.py": "lab/workloads/datasets/test_loading.py",
    "lab/workloads/divergence.py": "lab/workloads/test_training.py",
    "lab/workloads/models/building.py": "lab/workloads/models/test_models.py",
    "lab/workloads/models/cnn2.py": "lab/workloads/models/test_models.py",
    "lab/workloads/models/densenet.py": "lab/workloads/models/test_models.py",
    "lab/workloads/models/mobilenet.py": "lab/workloads/models/test_models.py",
    "lab/workloads/objectives.py": "lab/workloads/test_training.py",
    "lab/workloads/optimizers.py": "lab/workloads/test_recipe.py",
    "lab/workloads/preparation.py": "lab/workloads/test_training.py",
    "lab/workloads/randomness.py": "lab/workloads/test_training.py",
    "methods/gradients/gradient_method.py": "methods/gradients/test_backward_methods.py",
    "methods/ops/cpu.py": "methods/ops/test_operators.py",
    "methods/ops/cuda.py": "kernels/cuda/test_operators.py",
    "methods/ops/strides.py": "methods/ops/test_operators.py",
    "methods/ops/torch.py": "methods/ops/test_operators.py",
    "methods/seeds.py": "methods/test_method.py",
    "methods/skipping/rows.py": "methods/skipping/test_deadhorse.py",
    "methods/structure/growing/new_channels.py": "methods/structure/growing/test_gradmax.py",
    "methods/structure/widths/path.py": "methods/structure/widths/test_graph.py",
    "methods/structure/widths/scheduled.py": "methods/structure/growing/test_gradmax.py",
    "probes/amd/answers.py": "probes/amd/test_library.py",
    "probes/amd/refusals.py": "probes/amd/test_discovery.py",
    "probes/apple/discovery.py": "probes/test_search.py",
    "probes/cray/counters.py": "probes/cray/test_probe.py",
    "probes/device_tree.py": "probes/hwmon/test_ina3221.py",
    "probes/capture/programs.py": "probes/capture/test_machine.py",
    "probes/hwmon/rails.py": "probes/hwmon/test_probe.py",
    "probes/intel/cards.py": "probes/intel/test_probe.py",
    "probes/rapl/accuracy.py": "probes/rapl/test_powercap.py",
    "probes/rapl/zone_counter.py": "probes/rapl/test_powercap.py",
    "probes/wall/probe.py": "probes/wall/test_command.py",
    "recorded/host_merging.py": "recorded/test_joint_run.py",
    "energy/period_trace.py": "recorded/test_thinning.py",
    "recorded/joint_breakdown.py": "recorded/test_joint_run.py",
    "recorded/recording_view.py": "recorded/test_run.py",
    "recorded/thinned.py": "recorded/test_thinning.py",
    "recorded/same_machine.py": "recorded/test_joint_run.py",
    "recorder/answers.py": "client/test_session.py",
    "recorder/known_devices.py": "recorder/test_registry.py",
    "recorder/shared.py": "cli/test_daemon.py",
    "recorder/observers/surroundings.py": "recorder/observers/test_observer.py",
    "recorder/machine_recording.py": "recorder/test_machine_log.py",
    "report/cells.py": "report/test_list_text.py",
    "report/efficiency_mapping.py": "cli/test_report_efficiency.py",
    "report/energy_text.py": "report/test_text.py",
    "report/run_mapping.py": "report/test_json.py",
    "runfile/holes.py": "runfile/test_reader.py",
    "runfile/new_file.py": "runfile/test_compaction.py",
    "stopping/criterion.py": "stopping/test_criteria.py",
    "stopping/metric_criteria.py": "stopping/test_criteria.py",
    "tracking/run.py": "tracking/test_loop.py",
}
"""Modules that no test of their part imports, and the tests of what uses them."""


def own_test_of(module: Path) -> Path:
    return TESTS / module.relative_to(PACKAGE).with_name(f"test_{module.name}")


def imported_by_tests_of(part: str) -> Iterator[str]:
    """The dotted names that the tests of a part import, and the modules that define them."""
    for path in TESTS.rglob("test_*.py"):
        if path.relative_to(TESTS).parts[0] == part:
            for name in imported_names(path):
                yield name
                yield name.rpartition(".")[0]


def untested_modules() -> set[str]:
    """The modules without a test of their name that no test of their part imports."""
    imported: dict[str, set[str]] = {}
    found = set()
    for name, path in MODULES.items():
        part = path.relative_to(PACKAGE).parts[0]
        if part not in imported:
            imported[part] = set(imported_by_tests_of(part))
        if not (path.stem.startswith("__") or own_test_of(path).exists() or name in imported[part]):
            found.add(path.relative_to(PACKAGE).as_posix())
    return found


def test_every_module_is_tested_where_a_reader_looks_or_stands_in_the_list() -> None:
    assert sorted(untested_modules() - set(TESTED_THROUGH)) == []


def test_the_list_holds_only_modules_that_need_it() -> None:
    assert sorted(set(TESTED_THROUGH) - untested_modules()) == []


def test_the_tests_that_the_list_names_exist() -> None:
    assert [test for test in TESTED_THROUGH.values() if not (TESTS / test).is_file()] == []
