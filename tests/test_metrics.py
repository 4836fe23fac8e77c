from __future__ import annotations

from chat import metrics


def test_models_are_labels_of_a_bounded_number_and_length() -> None:
    names = [f"model {number} {'x' * 1000}" for number in range(10 * metrics.MODELS)]
    labels = {metrics.model_label(name) for name in names}
    assert len(labels) <= metrics.MODELS + 1
    assert metrics.OTHER in labels
    assert max(map(len, labels)) <= metrics.MODEL_CHARACTERS
    # The first models keep their labels.
    assert metrics.model_label(names[0]) in (names[0][: metrics.MODEL_CHARACTERS], metrics.OTHER)
