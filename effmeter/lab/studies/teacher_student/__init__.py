"""Table I: students of one teacher, each trained by another approach.

``scale`` says how many runs, ``saved_curves`` trains many students at once and keeps how their
losses fell, ``trials`` records single students, whose energies are read, and ``table`` and
``figures`` set both side by side.
"""
