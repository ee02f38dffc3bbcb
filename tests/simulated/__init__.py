"""A simulated machine: fakes that stand where the hardware would, with a truth known exactly.

Every fake follows an analytic waveform anchored at a moment of the run clock, so the true energy
of any window can be computed by the test. ``waveforms`` holds the power over time, ``powercap``
builds a RAPL tree in a folder, ``powercap_driver`` advances it in real time from a process of its
own, ``nvml`` compiles a ``libnvidia-ml.so.1`` that the real pynvml loads, and ``machine`` puts
them together::

    with SimulatedMachine(tmp_path, gpus=[SimulatedGpu(constant(300.0))]) as machine:
        subprocess.run([...], env=machine.environ)
        machine.true_energy_j("cpu0", begin_ns, end_ns)

By hand, with an injected clock (no driver, no waiting)::

    tree = SimulatedPowercap(tmp_path, [package(0, square(20, 80, 0.1))], origin_ns=0)
    tree.advance_to(5_000_000)
"""
