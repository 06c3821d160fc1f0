"""The command line: one verb, one short function; every heavy import waits for its verb."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

app = typer.Typer(
    name="mura-ensemble",
    help="Ensembles and honest model comparison for multi-view reader studies.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Strategy = Literal["mean", "weighted", "stack"]
Threshold = Literal["half", "kappa", "per-study-type"]
Missing = Literal["error", "renormalise"]
Precision = Literal["float32", "bfloat16", "float16"]

Predictions = Annotated[
    Path, typer.Argument(help="Folder of a set of predictions: one folder per backbone below it.")
]
Out = Annotated[Path, typer.Option(help="Where to write.")]
Seed = Annotated[int, typer.Option(help="Same seed, same digits.")]
Split = Annotated[str | None, typer.Option(help="Which split; guessed where the predictions leave no doubt.")]
MissingOption = Annotated[
    Missing, typer.Option(help="Failed views: refuse, or pool the views that remain.", show_default=True)
]


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("mura-ensemble"))
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    pass


@app.command("index")
def index_copy(
    root: Annotated[
        Path, typer.Argument(help="Your copy of MURA: the folder MURA-v1.1 or the one that holds it.")
    ],
    out: Out = Path("mura"),
    labels: Annotated[
        Path | None, typer.Option(help="Another list of labels (path,label), e.g. a corrected one.")
    ] = None,
) -> None:
    """List the views of a copy of MURA, check it against the published counts, keep labels apart."""
    from mura_ensemble.data.mura import index_mura, write_index

    index = index_mura(root, labels=labels)
    write_index(index, out)
    typer.echo(index.summary())
    typer.echo(f"wrote {out / 'manifest.csv'}, {out / 'labels.csv'} and {out / 'index.json'}")


@app.command()
def train(
    manifest: Annotated[Path, typer.Argument(help="manifest.csv of `index`, or any table with its columns.")],
    labels: Annotated[Path, typer.Argument(help="labels.csv: study,gold.")],
    architecture: Annotated[str, typer.Option(help="Any timm name, e.g. densenet169.")],
    out: Annotated[Path, typer.Option(help="Folder of the run.")],
    root: Annotated[
        Path | None, typer.Option(help="Where the manifest's paths begin; its own folder if not given.")
    ] = None,
    split: Annotated[str, typer.Option(help="Split to train on.")] = "train",
    folds: Annotated[
        int, typer.Option(help="Patient-grouped folds, one member each; 1 = one model on everything.")
    ] = 5,
    size: Annotated[int, typer.Option(help="Side of the square views, pixels.")] = 320,
    epochs: Annotated[int, typer.Option()] = 10,
    batch_size: Annotated[int, typer.Option()] = 8,
    learning_rate: Annotated[float, typer.Option()] = 1e-4,
    pretrained: Annotated[bool, typer.Option(help="Begin with timm's weights (needs a network).")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    seed: Seed = 0,
) -> None:
    """Train one timm backbone with patient-grouped folds; continues where it stopped."""
    from mura_ensemble.backbones.train import train_backbone

    run = train_backbone(
        manifest,
        labels,
        out,
        architecture=architecture,
        split=split,
        views_root=root,
        size=size,
        folds=folds,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        pretrained=pretrained,
        device=device,
        seed=seed,
    )
    typer.echo(run)


@app.command()
def predict(
    run: Annotated[Path, typer.Argument(help="Folder of a run of `train`.")],
    manifest: Annotated[Path, typer.Argument(help="manifest.csv of the views to predict.")],
    out: Annotated[Path, typer.Option(help="Folder of the set of predictions.")],
    split: Annotated[str, typer.Option(help="Split of the manifest to predict.")],
    name: Annotated[
        str | None, typer.Option(help="Name of the backbone; the run's folder name if not given.")
    ] = None,
    root: Annotated[
        Path | None, typer.Option(help="Where the manifest's paths begin; its own folder if not given.")
    ] = None,
    batch_size: Annotated[int, typer.Option()] = 32,
    precision: Annotated[Precision, typer.Option()] = "float32",
    shard: Annotated[
        str, typer.Option(help="i/n: only that part of the views; `merge` joins the parts.")
    ] = "0/1",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
) -> None:
    """Write per-view probabilities to the cache; what is there already is not computed again."""
    from mura_ensemble.backbones.predict import predict_backbone

    summary = predict_backbone(
        run,
        manifest,
        out,
        split=split,
        name=name,
        views_root=root,
        batch_size=batch_size,
        precision=precision,
        shard=shard,
        device=device,
    )
    typer.echo(summary)


@app.command("import")
def import_table(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet with one row per view or study.")],
    out: Annotated[Path, typer.Option(help="Folder of the set of predictions.")],
    name: Annotated[str, typer.Option(help="Name of the backbone.")],
    split: Annotated[str, typer.Option(help="Name of the split.")],
    columns: Annotated[
        str, typer.Option(help="Ours=theirs, comma-separated, e.g. view=filename,probability=score.")
    ] = "",
    level: Annotated[Literal["view", "study"], typer.Option(help="What one row is.")] = "view",
    logits: Annotated[bool, typer.Option(help="The probability column holds logits.")] = False,
    manifest: Annotated[
        Path | None, typer.Option(help="Check that exactly these views or studies are there.")
    ] = None,
    role: Annotated[
        Literal["held-out", "out-of-fold", "in-sample", "unknown"],
        typer.Option(help="What the model had seen of these studies in training."),
    ] = "unknown",
) -> None:
    """Bring anybody's probabilities into the cache."""
    from mura_ensemble.data.importing import import_predictions, parse_columns

    summary = import_predictions(
        file,
        out,
        name=name,
        split=split,
        columns=parse_columns(columns),
        level=level,
        logits=logits,
        manifest=manifest,
        role=role,
    )
    typer.echo(summary)


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="Folder to write the simulated set to.")] = Path(
        "predictions/simulated"
    ),
    seed: Seed = 0,
) -> None:
    """Write a simulated reader study with MURA's shape: backbones, labels, six readers."""
    from mura_ensemble.data.simulate import simulate_reader_study, write_reader_study

    write_reader_study(simulate_reader_study(seed=seed), out)
    typer.echo(f"wrote the simulated reader study to {out}; its README.md says what is in it")


@app.command()
def fit_stack(
    predictions: Predictions,
    labels: Annotated[Path, typer.Option(help="study,gold for the studies of the split.")],
    out: Annotated[Path, typer.Option(help="The ensemble, a .json file.")] = Path("stack.json"),
    strategy: Annotated[Strategy, typer.Option(help="How the backbones are combined.")] = "stack",
    threshold: Annotated[
        Threshold, typer.Option(help="0.5; kappa-optimal; one per study type, shrunk.")
    ] = "half",
    split: Split = None,
    backbones: Annotated[str, typer.Option(help="Only these, comma-separated.")] = "",
    name: Annotated[
        str | None, typer.Option(help="Name of the rater in reports; the strategy if not given.")
    ] = None,
    folds: Annotated[int, typer.Option(help="Patient-grouped folds of the nested evaluation.")] = 5,
    missing: MissingOption = "error",
    seed: Seed = 0,
) -> None:
    """Fit an ensemble on labelled studies and say what it is worth on studies it has not seen."""
    from mura_ensemble.workflows import fit_stack as fit

    typer.echo(
        fit(
            predictions,
            labels,
            out,
            strategy=strategy,
            threshold=threshold,
            split=split,
            backbones=_names(backbones),
            name=name,
            folds=folds,
            missing=missing,
            seed=seed,
        )
    )


@app.command()
def apply(
    ensemble: Annotated[Path, typer.Argument(help="An ensemble written by `fit-stack`.")],
    predictions: Predictions,
    out: Annotated[Path, typer.Option(help="study, probability, call as .csv or .parquet.")] = Path(
        "calls.csv"
    ),
    split: Split = None,
    missing: MissingOption = "error",
    allow_fitted: Annotated[
        bool, typer.Option(help="Also on studies it was fitted on; they are marked.")
    ] = False,
) -> None:
    """Write an ensemble's probability and call for every study."""
    from mura_ensemble.workflows import apply_ensemble

    typer.echo(
        apply_ensemble(ensemble, predictions, out, split=split, missing=missing, allow_fitted=allow_fitted)
    )


@app.command()
def report(
    predictions: Predictions,
    out: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("reports/report"),
    labels: Annotated[Path | None, typer.Option(help="Gold standard: study,gold.")] = None,
    readers: Annotated[Path | None, typer.Option(help="Readers' calls: study,<reader>,<reader>,...")] = None,
    panel: Annotated[
        str, typer.Option(help="Readers whose majority is the gold standard, comma-separated.")
    ] = "",
    ensemble: Annotated[
        list[Path] | None, typer.Option(help="An ensemble of `fit-stack`; may be repeated.")
    ] = None,
    split: Split = None,
    backbones: Annotated[str, typer.Option(help="Only these, comma-separated.")] = "",
    title: Annotated[str | None, typer.Option()] = None,
    level: Annotated[float, typer.Option(help="Level of every interval.", min=0.5, max=0.999)] = 0.95,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples.", min=200)] = 10_000,
    missing: MissingOption = "error",
    allow_fitted: Annotated[
        bool, typer.Option(help="Also on studies an ensemble was fitted on; it is marked.")
    ] = False,
    seed: Seed = 0,
) -> None:
    """Compare backbones, ensembles and readers with the gold standard; write the report."""
    from mura_ensemble.workflows import report_raters

    typer.echo(
        report_raters(
            predictions,
            out,
            labels=labels,
            readers=readers,
            panel=_names(panel),
            ensembles=tuple(ensemble or ()),
            split=split,
            backbones=_names(backbones),
            title=title,
            level=level,
            resamples=resamples,
            missing=missing,
            allow_fitted=allow_fitted,
            seed=seed,
        )
    )


@app.command()
def demo(
    out: Annotated[
        Path, typer.Option(help="Folder for the simulated set, the ensembles and the report.")
    ] = Path("reports/demo"),
    seed: Seed = 0,
) -> None:
    """The whole way on a simulated reader study: predictions, ensembles, report."""
    from mura_ensemble.workflows import run_demo

    typer.echo(run_demo(out, seed=seed))


def _names(listed: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in listed.split(",") if name.strip())


def main() -> None:
    """Run the command line; input that cannot be used ends with one sentence and status 2."""
    try:
        app()
    except (ValueError, ImportError) as error:
        from mura_ensemble.data.errors import InputError, MissingExtraError

        if not isinstance(error, InputError | MissingExtraError):
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("stopped; run the same command again to continue", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
