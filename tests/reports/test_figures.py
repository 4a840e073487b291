"""Which images a run shows of its data set."""

import pytest

import kseg
from kseg.data import ShapesSamples
from kseg.evaluation import evaluate
from kseg.inference import Predictor, keras_engine
from kseg.plots import sheets
from kseg.reports import figures


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (1, ["best"]),
        (2, ["best", "worst"]),
        (3, ["best", "median", "worst"]),
        (7, ["best", "median", "second worst", "worst"]),
    ],
)
def test_the_best_the_median_and_the_worst_of_however_many(tmp_path, monkeypatch, images, expected):
    samples = ShapesSamples("val", images, size=(32, 32))
    predictor = Predictor(keras_engine(kseg.build_convnet((None, None, 3), 6, filters=(4,))))
    found = evaluate(predictor, samples)
    seen = []

    def comparison(rows, labels):
        seen.extend(said for said, *_ in rows)
        return sheets.sheet(["image"], [(said, [image]) for said, image, *_ in rows], labels)

    monkeypatch.setattr(figures.sheets, "comparison", comparison)
    figures.report_predictions(kseg.Run(tmp_path), predictor, samples, found)
    assert [said.partition(":")[0] for said in seen] == expected
    scores = found.image_scores["mean_iou"]
    told = {said.partition("\n")[2]: said.partition("\n")[0] for said in seen}
    for name, said in told.items():
        assert said.endswith(f"mean IoU {scores[found.names.index(name)]:.3f}")
    assert seen[0].endswith(found.names[scores.argmax()])
    assert seen[-1].endswith(found.names[scores.argmin()])
    assert (tmp_path / "predictions.png").is_file()
