"""The page: an image in, its classes, areas, confidence and files out."""

import os
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from kseg import _extras
from kseg._text import printable
from kseg.demo.answers import MOST_BYTES, NONE, WHOLE, Answer, Answers, Choice
from kseg.errors import KsegError
from kseg.inference.settings import ENGINES

if TYPE_CHECKING:
    import gradio

VIEWS = (NONE, "flip", "scales", "flip+scales", "turns")
EXAMPLES = 6
FONTS = ("system-ui", "sans-serif")


@contextmanager
def started(answers: Answers, host: str, port: int | None) -> Iterator[str]:
    """Serve the page until the context ends; then nothing of it is left on the disk.

    Args:
        answers: What it answers with.
        host: The address that it listens at; "127.0.0.1" is this machine alone.
        port: The port; `None` for the first free one from 7860 on.

    Yields:
        Its address.

    Raises:
        KsegError: Gradio is not installed, or the port is taken.
    """
    # Read at import: nothing is told to anybody, and what is uploaded lies in a folder that goes.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    with tempfile.TemporaryDirectory(prefix="kseg-demo-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        gradio = _extras.require("gradio", "gradio", "The demo")
        app = make_page(gradio, answers, Path(folder))
        theme = gradio.themes.Soft(font=FONTS, font_mono=("ui-monospace", "monospace"))
        try:
            _, local, _ = app.launch(
                server_name=host,
                server_port=port,
                share=False,
                prevent_thread_lock=True,
                quiet=True,
                show_error=True,
                max_file_size=MOST_BYTES,
                ssr_mode=False,
                enable_monitoring=False,
                footer_links=[],
                theme=theme,
            )
        except OSError as error:
            raise KsegError(f"The page cannot be served at {host}, port {port}: {error}.") from None
        try:
            yield local
        finally:
            app.close(verbose=False)


def make_page(gradio: Any, answers: Answers, folder: Path) -> "gradio.Blocks":
    """Return the page; what it writes goes into a folder."""
    names = list(answers.runs)
    first = answers.runs[names[0]]
    with gradio.Blocks(title="kseg", analytics_enabled=False, delete_cache=(60, 600)) as app:
        kept = gradio.State()
        gradio.Markdown(f"# kseg\nDrop an image, or paste one. Classes: {_listed(first)}.")
        with gradio.Row():
            with gradio.Column(scale=2):
                sources = ["upload", "clipboard"]
                given = gradio.Image(label="image", type="filepath", sources=sources)
                given.preprocess = _path_of  # a subclass would write its types beside this file
                run = gradio.Dropdown(names, value=names[0], label="run", visible=len(names) > 1)
                levels = answers.levels(names[0])
                level = gradio.Dropdown(levels, value=WHOLE, label="level", visible=len(levels) > 1)
                with gradio.Accordion("how it is predicted and drawn", open=False):
                    tta = gradio.Dropdown(list(VIEWS), value=NONE, label="views that are averaged")
                    engine = gradio.Dropdown(list(ENGINES), value="keras", label="engine")
                    alpha = gradio.Slider(
                        0, 1, 0.5, step=0.05, label="opacity, side by side and in the files"
                    )
                    contours = gradio.Checkbox(label="outlines alone")
                shown = list(_examples(answers, folder / "examples"))
                if shown:
                    gradio.Examples(shown, given, label="images of the validation split")
            with gradio.Column(scale=3):
                said = gradio.Markdown(elem_id="said")
                with gradio.Tab("classes"):
                    classes = gradio.AnnotatedImage(color_map=_colors(answers), show_label=False)
                with gradio.Tab("side by side"):
                    beside = gradio.ImageSlider(show_label=False, interactive=False)
                with gradio.Tab("uncertainty"):
                    doubt = gradio.Image(show_label=False, interactive=False)
                areas = gradio.Dataframe(
                    headers=["class", "area", "confidence"], interactive=False, label="areas"
                )
                written = gradio.File(label="mask, overlay and regions", interactive=False)
        drawn = [classes, beside, doubt, areas, written]

        def asked(path: str | None, *choices: Any) -> tuple[Any, ...]:
            """Predict, and draw."""
            if not path:
                return (None, "", *_nothing())
            *how, strength, outlines = choices
            try:
                answer = answers.answer(Path(path), Path(path).name, Choice(*how))
            except KsegError as error:
                return (None, f"**{printable(str(error))}**", *_nothing())
            return (answer, _said(answer), *_drawn(answer, folder, strength, outlines))

        def drawn_anew(answer: Answer | None, strength: float, outlines: bool) -> tuple[Any, ...]:
            """Draw what was predicted before."""
            return _drawn(answer, folder, strength, outlines) if answer else _nothing()

        how = [run, level, tta, engine]
        for part in (given, *how):
            part.change(asked, [given, *how, alpha, contours], [kept, said, *drawn])
        for part in (alpha, contours):
            part.change(drawn_anew, [kept, alpha, contours], drawn, show_progress="hidden")
        run.input(lambda name: _levels(gradio, answers, name), run, level)
    return app.queue(default_concurrency_limit=1, max_size=64)


def _path_of(payload: Any) -> str | None:
    """Return the file that was given, unopened: kseg reads it, and says what is wrong with it."""
    return None if payload is None else payload.path


def _levels(gradio: Any, answers: Answers, run: str) -> Any:
    levels = answers.levels(run)
    return gradio.Dropdown(levels, value=WHOLE, visible=len(levels) > 1)


def _nothing() -> tuple[Any, ...]:
    return (None, None, None, None, None)


def _drawn(answer: Answer, folder: Path, alpha: float, contours: bool) -> tuple[Any, ...]:
    """Return what the page shows of an answer."""
    picture = answer.drawn(alpha, contours=contours)
    rows = [[name, f"{area:.1%}", f"{sure:.3f}"] for name, area, sure in answer.areas]
    files = answer.write(folder / "written" / uuid.uuid4().hex, alpha, contours=contours)
    pair = (answer.shown(), picture)
    return ((answer.shown(), answer.regions()), pair, answer.doubt(), rows, files)


def _said(answer: Answer) -> str:
    height, width = answer.found.mask.shape
    return f"{width}x{height} pixels, uncertainty {answer.found.uncertainty:.3f}"


def _listed(run: Any) -> str:
    return printable(", ".join(run.labels.names))


def _colors(answers: Answers) -> dict[str, str]:
    """Return the colour of each class; black, the background's, as grey."""
    return {
        name: "#{:02x}{:02x}{:02x}".format(*color) if any(color) else "#808080"
        for run in answers.runs.values()
        for name, color in zip(run.labels.names, run.labels.colors, strict=True)
    }


def _examples(answers: Answers, folder: Path) -> Iterator[Sequence[str]]:
    """Write some images of the first run's validation split; none where they are not at hand."""
    run = next(iter(answers.runs.values()))
    try:
        samples = run.source().split("val", run.labels)
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(min(EXAMPLES, len(samples))):
            sample = samples[number * len(samples) // min(EXAMPLES, len(samples))]
            if sample.image.shape[-1] != 3:
                return
            path = folder / f"{Path(sample.name).name}.png"
            Image.fromarray(sample.image).save(path)
            yield [str(path)]
    except (KsegError, OSError):
        return
