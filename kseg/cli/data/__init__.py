"""`kseg data`: look at a data set before anything is trained on it."""

import click

from kseg.cli.data.check import check
from kseg.cli.data.convert import convert
from kseg.cli.data.import_ import import_
from kseg.cli.data.show import show
from kseg.cli.data.stats import stats
from kseg.cli.data.tile import tile
from kseg.cli.errors import Commands


@click.group(cls=Commands)
def data() -> None:
    """Check a data set, count what it holds, look at it, bring it into kseg's form.

    \b
    kseg data check FOLDER     what is wrong with it, and what to do
    kseg data stats FOLDER     classes, sizes, colours, class weights
    kseg data show FOLDER      a picture of some images, their masks over them
    kseg data convert FOLDER OUT    masks of any form as class indices
    kseg data tile FOLDER OUT  large images cut into crops
    kseg data import NAME OUT  a data set of TensorFlow Datasets as files

    FOLDER holds images/ and masks/, or train/, val/ and test/ of that form, or masks beside their
    images; or it is a list of pairs (.csv, .tsv, .txt).
    """


for command in (check, stats, show, convert, tile, import_):
    data.add_command(command)
