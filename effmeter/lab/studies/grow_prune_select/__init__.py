"""The experiments of Boumendil et al. on growing, pruning and data selection, run again.

*Grow, prune or select data*: Tables II to IV with the data behind Figures 3 and 4 here, and the
teacher-student study of Table I in ``teacher_student``.
"""
