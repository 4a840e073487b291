"""A recipe: everything that a run needs to be made again, in sections, in one YAML file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import Field
from pydantic.fields import FieldInfo

from kseg import _checks, _files
from kseg._settings import Section, setting, validated, word_of
from kseg._text import printable
from kseg.data.augment.presets import is_file
from kseg.data.augment.settings import Input
from kseg.data.settings import Data
from kseg.encoders import weights_file
from kseg.errors import KsegError
from kseg.losses.settings import Loss
from kseg.models.settings import Model
from kseg.optimizers.settings import Optimizer
from kseg.runs.loop import Loop
from kseg.schedules.settings import Schedule

LARGEST = 1_000_000
"""Bytes: no recipe is larger."""


class Recipe(Section):
    """What a run is made of; a field that is `None` is chosen for the machine and the data.

    Attributes:
        data: What is learned from.
        model: The network.
        input: What it is shown of the images.
        loss: What the training makes small.
        optimizer: What moves the weights.
        schedule: How the learning rate changes.
        loop: How long, in what portions.
        seed: Seed of everything random.
        versions: Versions of the packages that a run was made with.

    Example:
        >>> recipe = kseg.make_recipe(arch="unetpp", loss="ce+dice")
        >>> recipe.model.arch, recipe.loop.epochs  # what is `None` is chosen when it is trained
        ('unetpp', None)
        >>> recipe.changed(epochs=20, set={"schedule.warmup": 0.2}).schedule.warmup
        0.2
    """

    data: Data = Data()
    model: Model = Model()
    input: Input = Input()
    loss: Loss = Loss()
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()
    loop: Loop = Loop()
    seed: Annotated[int, Field(ge=0, lt=2**32)] = setting(0, "Seed of everything random")
    versions: dict[str, str] = setting(
        {}, "Versions of the packages that the run was made with", is_option=False
    )

    def changed(self, *, set: Mapping[str, Any] | None = None, **words: Any) -> Self:
        """Return a copy with some fields changed.

        Args:
            set: Values by the path of their field, such as `{"schedule.warmup": 0.2}`.
            **words: Values by the word of their field, such as `epochs=20`; see `fields`.

        Raises:
            KsegError: A word or a path is unknown, or a value is out of its range.
        """
        if set is not None and not isinstance(set, Mapping):
            raise KsegError(f"set= must map paths of fields to values. Received: {set!r}.")
        paths = {_place(word, value): value for word, value in words.items()}
        content = self.model_dump()
        for path, value in (paths | dict(set or {})).items():
            _put(content, path, value)
        return validated(type(self), content)


def make_recipe(*, set: Mapping[str, Any] | None = None, **words: Any) -> Recipe:
    """Make a recipe of words; what they do not name is left open.

    Args:
        set: Values by the path of their field, such as `{"schedule.warmup": 0.2}`.
        **words: Values by the word of their field, as in `kseg.train`, such as `epochs=20`.

    Raises:
        KsegError: A word or a path is unknown, or a value is out of its range.

    Example:
        >>> kseg.make_recipe(epochs=20, set={"optimizer.name": "adamw"}).loop.epochs
        20
    """
    return Recipe().changed(set=set, **words)


def fields() -> dict[str, FieldInfo]:
    """Return every field of a recipe by its path, such as "input.size"."""
    found: dict[str, FieldInfo] = {}
    for name, field in Recipe.model_fields.items():
        if name in SECTIONS:
            own = SECTIONS[name].model_fields
            found |= {f"{name}.{inner}": part for inner, part in own.items()}
        else:
            found[name] = field
    return found


SECTIONS: dict[str, type[Section]] = {
    name: type(field.default)
    for name, field in Recipe.model_fields.items()
    if isinstance(field.default, Section)
}
WORDS = {word_of(path.rpartition(".")[2], field): path for path, field in fields().items()}
"""The path of each field by its word, the name that it has in `kseg.train` and as an option."""


def read_recipe(path: str | Path) -> Recipe:
    """Read a recipe; the files that it names are looked for beside it first.

    Args:
        path: A YAML file of sections; what it leaves out is left open.

    Raises:
        KsegError: The file is not a recipe; the message names the file and the fields.

    Example:
        >>> _ = Path("recipe.yaml").write_text("{model: unet, loop: {epochs: 20}}")
        >>> kseg.read_recipe(Path("recipe.yaml")).loop.epochs
        20
    """
    path = Path(path)
    try:
        if path.stat().st_size > LARGEST:
            raise KsegError(f"{path} is no recipe: it has over {LARGEST:,} bytes.")
        text = path.read_text(encoding="utf-8")
        content = yaml.safe_load(text)
    except OSError as error:
        raise KsegError(f"{path} cannot be read: {error.strerror}.") from None
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise KsegError(f"{path} cannot be read as YAML: {reason}") from None
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise KsegError(f"{path} is not a recipe: expected sections such as 'model: unet'.")
    flat = [name for name in content if name not in Recipe.model_fields and name in WORDS]
    if flat:
        raise KsegError(
            f"{path} is a recipe without sections, of an earlier kseg: {flat[0]} now stands as "
            f"{WORDS[flat[0]]}. Train the run again, or move each field into its section."
        )
    try:
        recipe = validated(Recipe, content)
    except KsegError as error:
        raise KsegError(f"{path}: {error}") from None
    augment = recipe.input.augment
    weights = recipe.model.weights
    named = {
        "augment": augment if is_file(augment) else None,
        "weights": weights if weights_file.is_file(weights) else None,
        "done": recipe.loop.done,
    }
    beside: dict[str, Any] = {
        word: str(path.parent / name)
        for word, name in named.items()
        if name and (path.parent / name).is_file()
    }
    return recipe.changed(**beside)


def recipe_text(recipe: Recipe) -> str:
    """Return a recipe as YAML, what is open left out."""
    content = recipe.model_dump(mode="json", exclude_none=True)
    return yaml.safe_dump(content, sort_keys=False, default_flow_style=None, allow_unicode=True)


def write_recipe(path: str | Path, recipe: Recipe) -> None:
    """Write a recipe atomically.

    Args:
        path: The YAML file, made or replaced.
        recipe: What to write; what it leaves open is left out.

    Example:
        >>> from kseg.runs import write_recipe
        >>> write_recipe(Path("recipe.yaml"), kseg.make_recipe(epochs=20))
        >>> kseg.read_recipe(Path("recipe.yaml")).loop.epochs
        20
    """
    path = Path(path)
    note = f"# Makes the same run again: kseg train --recipe {printable(path.name)}"
    _files.write_text(path, f"{note}\n{recipe_text(recipe)}")


def differences(one: Recipe, other: Recipe) -> dict[str, tuple[Any, Any]]:
    """Return the values of both recipes by the paths of the fields in which they differ."""
    first, second = (
        {path: _at(recipe.model_dump(), path) for path in fields()} for recipe in (one, other)
    )
    return {path: (first[path], second[path]) for path in first if first[path] != second[path]}


def _place(word: str, value: Any) -> str:
    """Return the path that a word stands for: of a field, or of a section, whole or in short."""
    if word in SECTIONS and (word not in WORDS or isinstance(value, Mapping | Section)):
        return word
    return WORDS[_checks.one_of(word, WORDS, "choice")]


def _put(content: dict, path: str, value: Any) -> None:
    """Set the value at a path, or several of them where a section is given."""
    whole, (*outer, last) = content, str(path).split(".")
    for name in outer:
        inner = content.get(name)
        if not isinstance(inner, dict):
            _known(path)
            raise KsegError(f"'{path}' leads into no section: it now holds {whole}.")
        content = inner
    if not outer and last not in content:
        _known(path)
    if not outer and last in SECTIONS and not isinstance(value, Mapping | Section):
        if SECTIONS[last].shorthand is None:
            names = ", ".join(f"{last}.{name}" for name in SECTIONS[last].model_fields)
            raise KsegError(f"{last} is a section. Set one of its fields: {names}.")
        value = {SECTIONS[last].shorthand: value}
    if isinstance(value, Section):
        value = value.model_dump()
    if isinstance(value, Mapping) and isinstance(content.get(last), dict):
        value = content[last] | dict(value)
    content[last] = value


def _known(path: str) -> None:
    """Refuse what is no path of a field; a word leads to its path."""
    if path in WORDS:
        raise KsegError(f"Unknown field '{path}'. Did you mean '{WORDS[path]}'?")
    _checks.one_of(path, fields(), "field")


def _at(content: dict, path: str) -> Any:
    for name in path.split("."):
        content = content[name]
    return content
