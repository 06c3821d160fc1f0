from __future__ import annotations

import json
from dataclasses import replace
from math import cos, pi
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import TINY, Study

pytestmark = pytest.mark.backbones
torch = pytest.importorskip("torch")

from mura_ensemble.backbones import predict_backbone, train_backbone  # noqa: E402
from mura_ensemble.backbones.training.member import _batches, seeded  # noqa: E402
from mura_ensemble.backbones.training.recipes import RECIPES, settings_of  # noqa: E402
from mura_ensemble.backbones.training.tasks import divided, read_training_views, tasks_of  # noqa: E402
from mura_ensemble.backbones.views.augment import Changes, changed, drawn  # noqa: E402
from mura_ensemble.backbones.views.dataset import Views, normalised  # noqa: E402
from mura_ensemble.backbones.weights.checkpoints import lowest  # noqa: E402
from mura_ensemble.backbones.weights.registry import create_backbone, load_weights  # noqa: E402
from mura_ensemble.data.errors import InputError  # noqa: E402
from mura_ensemble.data.predictions import read_card, read_split  # noqa: E402
from mura_ensemble.data.tables.manifests import read_views  # noqa: E402


def _train(study: Study, out: Path, **changes: Any) -> Any:
    settings = {**TINY, "folds": 2, "epochs": 2, "batch_size": 8, "device": "cpu", **changes}
    return train_backbone(study.manifest, study.labels, out, **settings)


def test_the_papers_recipe(fixed_study: Study, tmp_path: Path) -> None:
    run = _train(
        fixed_study, tmp_path / "run", recipe="paper", epochs=1, batch_size=None, channels=3, folds=1
    )
    training = run.plan["training"]
    assert {name: training[name] for name in ("batch_size", "optimizer", "learning_rate", "kept")} == {
        "batch_size": 8,
        "optimizer": "adam",
        "learning_rate": 1e-4,
        "kept": 5,
    }
    assert training["schedule"] == "plateau"
    assert training["augmentation"] == "mirror-rotate"
    assert (training["weight_decay"], training["average"], training["precision"]) == (0, 0, "float32")


def _plain(study: Study, run: Any, steps_of: Any, *, average: float, rate: Any) -> dict[str, Any]:
    """The first training of two, written out: the loss by its formula, the rate by its formula, the average by hand."""
    rows = read_training_views(study.manifest, study.labels, "train", None, None)
    folds = divided(rows, "train", folds=2, seed=0).set_index("study")["fold"]
    training = np.flatnonzero(rows["study"].map(folds) != 0)
    with seeded(0, 0, 0, 0):
        model = create_backbone("test_vit", channels=1, size=32, arguments={"patch_size": 8})
    shown, epochs = Views(read_views(study.manifest, "train", None), run.preprocessing), 2
    optimizer = steps_of(model.parameters())
    kept = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    counts = rows.iloc[training].groupby("study_type")["gold"].agg(["sum", "size"])
    done = 0
    model.train()
    for epoch in range(epochs):
        with seeded(0, 0, epoch + 1, 0) as rng:
            batches = _batches(rng.permutation(training), 8)
        for step, batch in enumerate(batches):
            optimizer.param_groups[0]["lr"] = rate(done, epochs * len(batches))
            with seeded(0, 0, epoch + 1, step + 1) as rng:
                changes = drawn("mirror-rotate", len(batch), rng)
                values = torch.from_numpy(np.stack([shown[place][1].values for place in batch]))
                logits = model(normalised(changed(values, changes), shown.preprocessing))[:, 0]
            total = 0.0
            for logit, place in zip(logits, batch, strict=True):
                row = rows.iloc[place]
                abnormal = counts.loc[row["study_type"], "sum"] / counts.loc[row["study_type"], "size"]
                chance = 1 / (1 + torch.exp(-logit))
                total = total - (
                    (1 - abnormal) * torch.log(chance) if row["gold"] else abnormal * torch.log(1 - chance)
                )
            optimizer.zero_grad()
            (total / len(batch)).backward()
            optimizer.step()
            done += 1
            decay = min(average, 1 - done ** (-2 / 3)) if done > 1 else 0.0
            for name, tensor in model.state_dict().items():
                kept[name] = decay * kept[name] + (1 - decay) * tensor
    return kept


def _same(found: dict[str, Any], expected: dict[str, Any], within: float) -> bool:
    return all(torch.allclose(found[name], expected[name], atol=within, rtol=1e-4) for name in expected)


def _way_off(run: Any, expected: dict[str, Any]) -> float:
    """Distance from where the weights should be, over how far they had to go.

    Adam makes whole steps of the rounding noise in gradients that are zero, so single weights say nothing.
    """
    found = load_weights(run.members[0].file)[0]
    with seeded(0, 0, 0, 0):
        start = create_backbone("test_vit", channels=1, size=32, arguments={"patch_size": 8}).state_dict()
    off, way = (
        sum(float((one[name] - expected[name]).square().sum()) for name in expected) for one in (found, start)
    )
    return float(np.sqrt(off / way))


def test_adam_and_the_weighted_loss_are_those_of_the_formulas(fixed_study: Study, tmp_path: Path) -> None:
    run = _train(
        fixed_study, tmp_path / "run", recipe="paper", kept=0, validation_split="test", learning_rate=1e-3
    )
    assert pd.unique(run.metrics["learning_rate"]).tolist() == [1e-3]
    assert run.preprocessing.mean == pytest.approx((0.449,), abs=1e-3)
    expected = _plain(
        fixed_study, run, lambda p: torch.optim.Adam(p, lr=1e-3), average=0.0, rate=lambda *_: 1e-3
    )
    assert _way_off(run, expected) < 0.01


def test_adamw_on_a_cosine_with_averaged_weights(
    fixed_study: Study, tmp_path: Path, monkeypatch: Any
) -> None:
    # Without weight decay, which spares biases, and with the simpler augmentation.
    modern = replace(RECIPES["modern"], augmentation="mirror-rotate", average=0.6, weight_decay=0.0)
    monkeypatch.setitem(RECIPES, "modern", modern)
    run = _train(fixed_study, tmp_path / "run", learning_rate=1e-3)

    def rate(step: int, steps: int) -> float:
        warm = steps / 20
        if step < warm:
            return 1e-5 + step * (1e-3 - 1e-5) / warm
        return 0.5e-3 * (1 + cos(pi * step / steps))

    expected = _plain(
        fixed_study,
        run,
        lambda p: torch.optim.AdamW(p, lr=1e-3, weight_decay=0.0),
        average=0.6,
        rate=rate,
    )
    assert _way_off(run, expected) < 0.01


def test_the_rate_falls_to_a_tenth_on_a_plateau(fixed_study: Study, tmp_path: Path) -> None:
    # So high a rate that the validation loss does not keep falling.
    run = _train(
        fixed_study,
        tmp_path / "run",
        recipe="paper",
        validation_split="test",
        folds=1,
        epochs=9,
        learning_rate=0.3,
    )
    lines = run.metrics
    best, bad, rate, expected = np.inf, 0, 0.3, []
    for loss in lines["validation_loss"]:
        expected.append(rate)
        best, bad = (loss, 0) if loss < best * (1 - 1e-4) else (best, bad + 1)
        if bad > 1:
            rate, bad = rate / 10, 0
    assert lines["learning_rate"].tolist() == pytest.approx(expected)
    assert lines["learning_rate"].iloc[-1] < 0.3


def test_the_epochs_of_lowest_validation_loss_are_the_members(fixed_study: Study, tmp_path: Path) -> None:
    run = _train(
        fixed_study,
        tmp_path / "run",
        recipe="paper",
        kept=2,
        epochs=5,
        learning_rate=3e-2,
        validation_share=0.34,
    )
    assert len(run.members) == 4
    for fold in (0, 1):
        lines = run.metrics[run.metrics["fold"] == fold]
        wanted = lines.nsmallest(2, "validation_loss")["epoch"]
        files = {member.file.name for member in run.members if member.fold == fold}
        assert files == {f"fold-{fold}-epoch-{epoch}.safetensors" for epoch in wanted}
    assert len(list(run.folder.glob("*.safetensors"))) == 4
    assert "of lowest validation loss: kappa" in str(run)
    written = predict_backbone(
        run.folder, fixed_study.manifest, tmp_path / "out", split="train", device="cpu"
    )
    assert written.role == "out-of-fold"
    one = run.members_for(0, "hand")
    assert [run.members[place].fold for place in one] == [0, 0]


def test_lowest_takes_the_earlier_of_equals_and_passes_over_what_diverged() -> None:
    history = [
        {"epoch": epoch, "validation_loss": loss} for epoch, loss in enumerate([0.5, None, 0.4, 0.5, 0.4], 1)
    ]
    assert lowest(history, 2) == [3, 5]
    assert lowest(history, 3) == [1, 3, 5]
    assert lowest(history[:2], 3) == [1]


@pytest.mark.parametrize(
    "changes", [{"recipe": "paper", "validation_share": 0.34, "kept": 2}, {"recipe": "modern"}]
)
def test_the_gold_standard_of_its_own_fold_changes_no_weight(
    study: Study, tmp_path: Path, changes: dict[str, Any]
) -> None:
    run = _train(study, tmp_path / "run", **changes)
    before = {member.file.name: member.file.read_bytes() for member in run.members if member.fold == 0}
    rows = read_training_views(study.manifest, study.labels, "train", None, None)
    settings = settings_of(
        changes["recipe"], {"batch_size": 8, **{k: v for k, v in changes.items() if k != "recipe"}},
        half=False, validation_split=None,
    )  # fmt: skip
    fold_of = run.folds.set_index("study")["fold"]
    rows["fold"] = rows["study"].map(fold_of)
    (first, _) = tasks_of(rows, "train", folds=2, per_study_type=False, settings=settings)
    held = set(run.folds.loc[run.folds["fold"] == 0, "study"])
    parts = [set(rows["patient"].iloc[part]) for part in (first.training, first.validation, first.held)]
    assert not parts[0] & parts[1]
    assert not parts[2] & (parts[0] | parts[1])
    assert set.union(*parts) == set(rows["patient"])
    labels = pd.read_csv(study.labels)
    flipped = labels.assign(gold=labels["gold"].where(~labels["study"].isin(held), 1 - labels["gold"]))
    flipped.to_csv(study.labels, index=False)
    # The folds are made by gold too; the first run's are what both have.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "mura_ensemble.backbones.training.tasks.assign_folds",
            lambda studies, gold, **given: _folds_as(fold_of, studies, gold, **given),
        )
        again = _train(study, tmp_path / "again", **changes)
    after = {member.file.name: member.file.read_bytes() for member in again.members if member.fold == 0}
    assert after == before
    assert {m.file.name: m.file.read_bytes() for m in again.members if m.fold == 1} != {
        m.file.name: m.file.read_bytes() for m in run.members if m.fold == 1
    }


def _folds_as(fold_of: pd.Series, studies: pd.DataFrame, gold: pd.Series, **given: Any) -> pd.Series:
    from mura_ensemble.data.tables.folds import assign_folds

    return (
        fold_of.loc[studies["study"]]
        if len(studies) == len(fold_of)
        else assign_folds(studies, gold, **given)
    )


def test_networks_of_each_study_type(fixed_study: Study, tmp_path: Path) -> None:
    run = _train(fixed_study, tmp_path / "run", per_study_type=True)
    assert [(member.study_type, member.fold) for member in run.members] == [
        ("hand", 0), ("hand", 1), ("wrist", 0), ("wrist", 1)
    ]  # fmt: skip
    table = read_views(fixed_study.manifest, "train", None)
    fold_of = run.folds.set_index("study")["fold"]
    of_hand = table[table["study_type"] == "hand"]
    lines = run.metrics[(run.metrics["study_type"] == "hand") & (run.metrics["epoch"] == 2)].set_index("fold")
    for fold in (0, 1):
        assert lines.loc[fold, "views"] == (of_hand["study"].map(fold_of) != fold).sum()
    predict_backbone(run.folder, fixed_study.manifest, tmp_path / "out", split="train", device="cpu")
    found = read_split(tmp_path / "out" / "run", "train")
    assert (found["status"] == "ok").all()
    # A wrist's probability comes from the networks of wrists: alone they give the same.
    model = create_backbone("test_vit", channels=1, size=32, arguments={"patch_size": 8})
    model.load_state_dict(load_weights(tmp_path / "run" / "wrist-fold-1.safetensors")[0])
    row = found[(found["study_type"] == "wrist") & (found["fold"] == 1)].iloc[0]
    place = int(np.flatnonzero(table["view"] == row["view"])[0])
    views = Views(table, run.preprocessing)
    with torch.inference_mode():
        logit = float(
            model(normalised(torch.from_numpy(views[place][1].values)[None], run.preprocessing))[0, 0]
        )
    assert row["logit"] == pytest.approx(logit, abs=1e-4)


def test_what_was_validated_on_is_in_sample(fixed_study: Study, tmp_path: Path) -> None:
    run = _train(fixed_study, tmp_path / "run", recipe="paper", kept=1, folds=1, validation_split="test")
    assert run.metrics["views"].tolist() == [36, 36]
    assert run.metrics["validation_loss"].notna().all()
    predict_backbone(run.folder, fixed_study.manifest, tmp_path / "out", split="test", device="cpu")
    assert read_card(tmp_path / "out" / "run")["splits"]["test"]["role"] == "in-sample"


def test_shares_of_the_trainings_make_one_run(fixed_study: Study, tmp_path: Path) -> None:
    whole = _train(fixed_study, tmp_path / "whole", per_study_type=True, epochs=1)
    shared = {"per_study_type": True, "epochs": 1}
    assert _train(fixed_study, tmp_path / "shares", shard="1/2", **shared) is None
    assert "members" not in json.loads((tmp_path / "shares" / "run.json").read_text())
    run = _train(fixed_study, tmp_path / "shares", shard="0/2", **shared)
    for one, other in zip(run.members, whole.members, strict=True):
        assert one.file.read_bytes() == other.file.read_bytes()
    assert (run.folder / "metrics.jsonl").read_bytes() == (whole.folder / "metrics.jsonl").read_bytes()


def test_workers_change_no_weight(fixed_study: Study, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("mura_ensemble.backbones.views.dataset.MEMORY", 0)  # else workers have nothing to do
    found = [
        _train(fixed_study, tmp_path / f"run{workers}", folds=1, epochs=1, workers=workers)
        for workers in (0, 2)
    ]
    assert found[0].members[0].file.read_bytes() == found[1].members[0].file.read_bytes()


def test_half_precision_is_in_the_plan_and_in_the_weights(fixed_study: Study, tmp_path: Path) -> None:
    full = _train(fixed_study, tmp_path / "full", folds=1, epochs=1)
    half = _train(fixed_study, tmp_path / "half", folds=1, epochs=1, precision="bfloat16")
    assert (full.plan["training"]["precision"], half.plan["training"]["precision"]) == ("float32", "bfloat16")
    one, other = (load_weights(run.members[0].file)[0] for run in (full, half))
    assert all(tensor.dtype == torch.float32 for tensor in other.values())
    assert not _same(one, other, 0)
    assert _same(one, other, 1e-2)


def test_layers_below_learn_slower_when_asked(fixed_study: Study, tmp_path: Path) -> None:
    common = {"folds": 1, "epochs": 1, "average": 0.0, "weight_decay": 0.0, "learning_rate": 1e-4}
    runs = [
        _train(fixed_study, tmp_path / f"run{decay}", layer_decay=decay, **common) for decay in (1.0, 0.1)
    ]
    with seeded(0, 0, 0, 0):
        start = create_backbone("test_vit", channels=1, size=32, arguments={"patch_size": 8}).state_dict()
    moved = [
        float(
            (
                load_weights(run.members[0].file)[0]["patch_embed.proj.weight"]
                - start["patch_embed.proj.weight"]
            ).norm()
        )
        for run in runs
    ]
    assert moved[1] < 0.1 * moved[0]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"recipe": "other"}, "recipe 'other': give paper or modern"),
        ({"kept": 2}, "keeping 2 epochs needs a validation loss"),
        ({"validation_share": 0.2}, "nothing would be decided by the validation loss"),
        ({"recipe": "paper", "validation_split": "test", "validation_share": 0.1}, "choose one"),
        ({"recipe": "paper", "validation_split": "train"}, "to be trained on and to validate on"),
        ({"recipe": "paper", "validation_share": 0.7}, "from 0 to 0.5"),
        ({"layer_decay": 0.0}, "layer decay 0.0"),
        ({"average": 1.0}, "average 1.0"),
        ({"epochs": 0}, "epochs 0"),
        ({"learning_rate": -1.0}, "learning rate -1.0"),
        ({"shard": "2/2"}, "shard '2/2'"),
    ],
)
def test_what_cannot_be_is_refused(
    fixed_study: Study, tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        _train(fixed_study, tmp_path / "run", **changes)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("spoilt", "changes", "sentence"),
    [
        (["hand", "wrist"], {}, "every view of split 'train' is labelled normal; .*: check the labels$"),
        (
            ["hand"],
            {"per_study_type": True},
            "every view of study type 'hand' of split 'train' is labelled normal; .* labels, or train networks of",
        ),
    ],
)
def test_labels_of_one_class_are_said_to_be_so(
    study: Study, tmp_path: Path, spoilt: list[str], changes: dict[str, Any], sentence: str
) -> None:
    labels = pd.read_csv(study.labels)
    labels.loc[labels["study"].str.contains("|".join(spoilt)), "gold"] = 0
    labels.to_csv(study.labels, index=False)
    with pytest.raises(InputError, match=sentence):
        _train(study, tmp_path / "run", **changes)
    labels["gold"] = (labels["study"].str.startswith("train/hand/train000")).astype(int)
    labels.to_csv(study.labels, index=False)
    with pytest.raises(
        InputError, match=r"not of both classes; leave fewer patients out \(fewer folds, a smaller"
    ):
        _train(study, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_patients_to_validate_on_must_not_be_trained_on(study: Study, tmp_path: Path) -> None:
    table = pd.read_csv(study.manifest)
    patient = table.loc[table["split"] == "test", "patient"].iloc[0]
    table.loc[table["split"] == "train", "patient"] = table.loc[table["split"] == "train", "patient"].replace(
        "train000", patient
    )
    table.to_csv(study.manifest, index=False)
    with pytest.raises(InputError, match=f"patient '{patient}' is in split 'train' and in split 'test'"):
        _train(study, tmp_path / "run", recipe="paper", validation_split="test")


def test_a_radiograph_is_changed_within_its_bounds() -> None:
    changes = drawn("radiograph", 4000, np.random.default_rng(0))
    neutral = {"degrees": 0, "scale": 1, "brightness": 0, "contrast": 1, "gamma": 1, "noise": 0}
    touched = np.column_stack(
        [getattr(changes, name) != value for name, value in neutral.items()]
        + [(changes.shift != 0).any(axis=1), (changes.erase != 0).any(axis=1)]
    )
    assert (touched.sum(axis=1) == 2).all()
    assert np.allclose(touched.mean(axis=0), 2 / 8, atol=0.03)
    assert abs(changes.mirror.mean() - 0.5) < 0.03
    bounds = {"degrees": (-15, 15), "scale": (1 / 1.1, 1.1), "brightness": (-0.1, 0.1), "noise": (0, 0.03)}
    for name, (low, high) in bounds.items():
        assert low <= getattr(changes, name).min() < getattr(changes, name).max() <= high
    values = torch.rand(50, 1, 24, 20)
    found = changed(values, drawn("radiograph", 50, np.random.default_rng(1)))
    assert found.shape == values.shape
    assert 0 <= float(found.min()) <= float(found.max()) <= 1


def test_each_change_by_hand() -> None:
    values = torch.full((1, 1, 10, 10), 0.5)
    values[0, 0, 2, 3] = 1.0
    mean = float(values.mean())

    def of(**given: Any) -> Any:
        still = {
            "scale": np.ones(1), "shift": np.zeros((1, 2)), "brightness": np.zeros(1), "contrast": np.ones(1),
            "gamma": np.ones(1), "noise": np.zeros(1), "erase": np.zeros((1, 4)),
        }  # fmt: skip
        return changed(values, Changes(np.array([False]), np.zeros(1), **{**still, **given}))[0, 0]

    assert torch.allclose(of(), values[0, 0], atol=1e-6)
    assert float(of(brightness=np.array([-0.1]))[5, 5]) == pytest.approx(0.4, abs=1e-6)
    assert float(of(contrast=np.array([1.2]))[5, 5]) == pytest.approx(mean + 1.2 * (0.5 - mean), abs=1e-6)
    assert float(of(gamma=np.array([2.0]))[5, 5]) == pytest.approx(0.25, abs=1e-6)
    erased = of(erase=np.array([[0.2, 0.1, 0.2, 0.2]]))
    assert np.argwhere(erased.numpy() == 0).tolist() == [[1, 2], [1, 3], [2, 2], [2, 3]]
    right = of(shift=np.array([[0.2, 0.1]]))  # two pixels to the right, one down
    assert float(right[3, 5]) == pytest.approx(1.0, abs=1e-5)
    assert float(of(noise=np.array([0.02])).std()) > float(values.std())
    larger = changed(
        torch.eye(10)[None, None], Changes(np.array([False]), np.zeros(1), scale=np.array([2.0]))
    )
    assert float(larger[0, 0, 0].sum()) == pytest.approx(
        1.25
    )  # by the bilinear rule; 1 and a neighbour of 0.25 without it
