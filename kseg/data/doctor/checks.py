"""All checks of a data set, each for one kind of fault, in the order of their findings."""

from kseg.data.doctor import class_checks, file_checks, likeness, mask_checks

CHECKS = (
    file_checks.unreadable,
    file_checks.layout,
    file_checks.no_train,
    class_checks.classes_unknown,
    mask_checks.black_and_white,
    mask_checks.black_and_white_in_part,
    mask_checks.strange_values,
    file_checks.rotation,
    file_checks.sizes_differ,
    file_checks.dark,
    file_checks.spare_bands,
    file_checks.one_mask_for_many,
    likeness.leaks,
    mask_checks.one_value,
    class_checks.classes_of_splits,
    class_checks.imbalance,
    mask_checks.specks,
    file_checks.passed_over,
    file_checks.sizes_vary,
)
