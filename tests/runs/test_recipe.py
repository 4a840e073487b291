"""Recipes: sections, validated, changed by words and paths, and the same after the file."""

import pytest

from kseg.errors import KsegError
from kseg.runs.recipe import (
    SECTIONS,
    WORDS,
    Recipe,
    differences,
    fields,
    make_recipe,
    read_recipe,
    recipe_text,
    write_recipe,
)


def test_words_and_paths_reach_their_fields():
    recipe = make_recipe(
        data="my_data", arch="unetpp", learning_rate=0.1, set={"model.options.steps": 3, "seed": 7}
    )
    assert recipe.data.path == "my_data"
    assert recipe.model.arch == "unetpp"
    assert recipe.optimizer.learning_rate == 0.1
    assert recipe.model.options == {"steps": 3}
    assert recipe.seed == 7
    assert recipe.changed(set={"model.options.steps": 2}).model.options == {"steps": 2}


def test_a_section_can_be_given_whole_or_in_part():
    recipe = make_recipe(model={"arch": "fpn", "width": 8}, loss="ce+dice")
    assert (recipe.model.arch, recipe.model.width, recipe.loss.terms) == ("fpn", 8, "ce+dice")
    assert recipe.changed(model={"width": 4}).model.arch == "fpn"
    assert make_recipe(model=recipe.model).model == recipe.model


def test_every_field_has_a_word_of_its_own_and_a_description():
    known = fields()
    assert len(WORDS) == len(known)
    assert set(WORDS.values()) == set(known)
    assert all(field.description and field.description[-1] != "." for field in known.values())


def test_a_section_s_name_is_a_word_only_of_its_shorthand():
    for name in SECTIONS.keys() & WORDS.keys():
        assert WORDS[name] == f"{name}.{SECTIONS[name].shorthand}"


def test_survives_the_file(tmp_path):
    recipe = make_recipe(
        size=(96, 128),
        class_weights=(1, 2.5),
        filters=((8, 8), 16),
        versions={"keras": "3"},
        epochs=4,
        set={"model.options.dilations": [1, 2]},
    )
    for path in (tmp_path / "recipe.yaml", str(tmp_path / "other.yaml")):
        write_recipe(path, recipe)
        assert read_recipe(path) == recipe


def test_a_file_of_a_few_plain_words(tmp_path):
    (tmp_path / "r.yaml").write_text("model: fpn\nloss: ce + 0.5*dice\nloop: {epochs: 3}\n")
    recipe = read_recipe(tmp_path / "r.yaml")
    assert recipe == make_recipe(arch="fpn", loss="ce + 0.5*dice", epochs=3)


def test_an_empty_section_is_open(tmp_path):
    (tmp_path / "r.yaml").write_text("model:\nloop:\ndata: {}\n")
    assert read_recipe(tmp_path / "r.yaml") == Recipe()


def test_the_text_leaves_out_what_is_open():
    text = recipe_text(make_recipe(epochs=5))
    assert "epochs: 5" in text
    assert "batch_size" not in text


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"epochs": 0}, r"^loop\.epochs: .*greater than or equal to 1.*Received: 0"),
        ({"epoch": 3}, "Did you mean 'epochs'"),
        ({"lr": 0.1}, "Did you mean 'learning_rate'"),
        ({"size": (0, 5)}, "size"),
        ({"val_fraction": 1}, "val_fraction"),
        ({"scale": (2, 1)}, "scale must rise"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"precision": "float8"}, "precision"),
        ({"class_weights": "enett"}, "class_weights"),
        ({"loss": "ce+dicce"}, "Did you mean 'dice'"),
        ({"loss": {"gamma": 2}}, r"loss\.gamma: unknown.*focal\(gamma=3\)"),
        ({"optimizer": "adamm"}, "Did you mean 'adam'"),
        ({"schedule": "cosin"}, "Did you mean 'cosine'"),
        ({"block": "residul"}, "Did you mean 'residual'"),
        ({"channels": 9}, "channels"),
        ({"set": {"model.widht": 3}}, r"model\.widht: unknown\. Did you mean 'width'"),
        ({"set": {"epochs": 3}}, r"Did you mean 'loop\.epochs'"),
        ({"set": {"input": 64}}, r"input is a section.*input\.size"),
        ({"set": {"loop.epochs": 10**20}}, r"loop\.epochs"),
        ({"monitor": "miou"}, r"loop\.monitor: .*'mean_iou'"),
        ({"monitor": "dice"}, "dice:road"),
        ({"monitor": "dice:"}, "dice:road"),
        ({"monitor": "mean_iou:road"}, "monitor of one class"),
        ({"above": "high"}, r"loop\.above"),
        ({"patience": 0}, r"loop\.patience"),
        ({"recoveries": -1}, r"loop\.recoveries"),
        ({"seed": 2**32}, "seed"),
        ({"filters": "[]"}, r"model\.filters: expected own"),
        ({"width": 0}, r"^model\.width: expected own, or a whole number.*Received: 0\.$"),
        ({"set": {"modl.width": 3}}, r"Unknown field 'modl\.width'"),
        ({"set": {"model.arch.x": 3}}, r"Unknown field 'model\.arch\.x'"),
        ({"split_by": "group:("}, "no regular expression"),
    ],
)
def test_wrong_choices_are_named(words, expected):
    with pytest.raises(KsegError, match=expected):
        make_recipe(**words)


@pytest.mark.parametrize(
    "text", ["- 1", "1: 2", "a: [", "loop: {epochs: many}", "\x00", "model: [1", "[" * 10**5]
)
def test_a_wrong_file_is_named_in_one_line(tmp_path, text):
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(KsegError, match=r"r\.yaml") as raised:
        read_recipe(path)
    assert "\n" not in str(raised.value)


def test_a_file_of_many_aliases_gets_a_short_answer(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    (tmp_path / "r.yaml").write_text("\n".join([*lines, "model: {arch: *a8}"]))
    with pytest.raises(KsegError) as raised:
        read_recipe(tmp_path / "r.yaml")
    assert len(str(raised.value)) < 5000


def test_a_recipe_without_sections_gets_a_sentence(tmp_path):
    (tmp_path / "r.yaml").write_text("arch: unet\nepochs: 3\n")
    with pytest.raises(KsegError, match=r"without sections.*arch now stands as model\.arch"):
        read_recipe(tmp_path / "r.yaml")


def test_an_augmentation_beside_the_recipe_is_found(tmp_path):
    (tmp_path / "mine.yaml").write_text("transform: {}")
    (tmp_path / "r.yaml").write_text("input: {augment: mine.yaml}")
    assert read_recipe(tmp_path / "r.yaml").input.augment == str(tmp_path / "mine.yaml")


def test_differences_are_named_by_path():
    found = differences(make_recipe(epochs=3, loss="ce"), make_recipe(epochs=4, loss="ce"))
    assert found == {"loop.epochs": (3, 4)}
    assert differences(Recipe(), Recipe()) == {}
