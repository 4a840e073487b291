"""Device and number format; what is said at a start that fails."""

import os
import platform
import subprocess
import sys
from collections import Counter

import pytest

from kseg import machine


def test_the_precision_follows_the_processor(monkeypatch):
    monkeypatch.setattr(machine, "backend", lambda: "tensorflow")
    monkeypatch.setattr(machine, "_tensorflow_gpu", lambda: None)
    for flags, expected in (("avx512f amx_bf16", "bfloat16"), ("avx512_bf16", "float32")):
        monkeypatch.setattr(machine, "_cpu_flags", lambda flags=flags: f"flags : {flags}")
        assert machine.device().precision == expected


@pytest.mark.parametrize(
    ("capability", "expected"), [(9.0, "bfloat16"), (7.5, "float16"), (6.1, "float32")]
)
def test_the_precision_follows_the_gpu(monkeypatch, capability, expected):
    monkeypatch.setattr(machine, "backend", lambda: "tensorflow")
    monkeypatch.setattr(machine, "_tensorflow_gpu", lambda: ("H200", capability))
    device = machine.device()
    assert (device.kind, device.name, device.precision) == ("gpu", "H200", expected)


def test_an_unused_gpu_is_explained(monkeypatch, tmp_path):
    (tmp_path / "nvidia0").touch()
    assert machine._unused_gpu("tensorflow", tmp_path, tmp_path / "version").startswith(
        "An NVIDIA GPU is there, but no driver"
    )
    (tmp_path / "version").touch()
    said = machine._unused_gpu("tensorflow", tmp_path, tmp_path / "version")
    assert 'pip install "tensorflow[and-cuda]"' in said
    assert machine._unused_gpu("jax", tmp_path / "none", tmp_path / "version") == ""


def test_a_quiet_start_hides_what_c_code_writes(capfd):
    with machine.quiet_start():
        os.write(2, b"noise of a library\n")
    assert capfd.readouterr().err == ""


def test_a_failed_start_shows_what_was_said(capfd):
    with pytest.raises(RuntimeError), machine.quiet_start():
        os.write(2, b"cause of the failure\n")
        raise RuntimeError
    assert "cause of the failure" in capfd.readouterr().err


def test_a_missing_backend_is_explained():
    script = "import sys; sys.modules['jax'] = None; from kseg import machine; machine.backend()"
    result = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert "KsegError: Keras's backend 'jax' is not installed" in result.stderr
    assert result.stderr.rstrip().endswith("or take one that is: KERAS_BACKEND=tensorflow.")


def test_versions_name_the_packages():
    assert {"python", "kseg", "keras", "numpy"} <= machine.versions().keys()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the way of glibc")
def test_memory_that_was_freed_is_used_again():
    """A large array that follows another gets its pages: no page is asked of the system for it."""
    script = """
import resource
import numpy as np
from kseg import machine

machine.backend()

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

np.ones(2**26, np.uint8)
before = faults()
np.ones(2**26, np.uint8)
print(faults() - before)
"""
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert int(result.stdout) < 100  # of 16,384 pages


@pytest.mark.parametrize("users", [None, "/mine"])
def test_jax_keeps_what_it_compiles_where_the_user_says(monkeypatch, tmp_path, users):
    jax = pytest.importorskip("jax")
    before = jax.config.jax_compilation_cache_dir, jax.config.jax_compilation_cache_max_size
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    try:
        jax.config.update("jax_compilation_cache_dir", users)
        machine._keep_compiled()
        expected = users or str(tmp_path / "kseg" / "jax")
        assert jax.config.jax_compilation_cache_dir == expected
    finally:
        jax.config.update("jax_compilation_cache_dir", before[0])
        jax.config.update("jax_compilation_cache_max_size", before[1])


def test_what_is_far_slower_is_timed_once(monkeypatch):
    """By a clock that the functions themselves move."""
    clock, calls = [0.0], Counter()
    monkeypatch.setattr(machine.time, "perf_counter", lambda: clock[0])

    def function(name, seconds):
        def run():
            calls[name] += 1
            clock[0] += seconds if calls[name] > 1 else 10.0  # compiling is not counted

        return run

    took = {"slow": 3.0, "fast": 1.0, "near": 1.5}
    found = machine.least_times({name: function(name, took[name]) for name in took}, turns=4)
    assert found == took
    assert calls == {"slow": 2, "fast": 5, "near": 5}


# Run by themselves: a process has one Keras.
COLLECTING = """
import gc, sys
from kseg.__main__ import main
sys.argv = ["kseg", *{command}]
try:
    main()
except SystemExit:
    pass
print(gc.isenabled(), gc.get_freeze_count())
"""


@pytest.mark.parametrize(("command", "is_frozen"), [(["info"], True), (["--version"], False)])
def test_a_command_looks_for_no_garbage_in_keras(command, is_frozen):
    code = COLLECTING.format(command=command)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    is_on, frozen = done.stdout.splitlines()[-1].split()
    assert is_on == "True"
    assert (int(frozen) > 100_000) is is_frozen


def test_garbage_is_looked_for_as_before_once_the_backend_is_there():
    code = """
import gc
from kseg import machine
for is_on in (True, False):
    (gc.enable if is_on else gc.disable)()
    machine.backend()
    print(gc.isenabled(), gc.get_freeze_count())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "0", "False", "0"]
