"""The teacher-student study of Boumendil et al., Grow, prune or select data, section on a toy task.

Students of several sizes learn what a random teacher network answers, with one method each.
``approaches`` lists them, ``trial`` trains one as any model is trained, to be measured, and
``curves`` trains many at once, for the curves of the losses.
"""
