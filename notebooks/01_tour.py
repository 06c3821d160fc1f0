# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 1. A tour of the data and the cache
#
# From one row per view to a table of honest kappas. Two sets of predictions are in the repository:
#
# * `predictions/simulated` is **simulated**: no radiograph, network or radiologist is behind any number. It has MURA's
#   shape: seven study types, several views per study, several studies per patient, six readers.
# * `predictions/pneumoniamnist` is real: five small networks that we trained on chest radiographs.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

import mura_ensemble as me

above = [folder for folder in (Path.cwd(), *Path.cwd().parents) if (folder / "predictions").is_dir()]
repository = above[0] if above else Path.cwd()
simulated = repository / "predictions" / "simulated"
pneumonia = repository / "predictions" / "pneumoniamnist"

# %% [markdown]
# ## The cache: one folder per backbone, one row per view
#
# `read_predictions` returns a table per backbone. A row has the view's keys, its probability of being abnormal and a
# `status`. Labels are never here: study keys do not contain them either.

# %%
views = me.read_predictions(simulated, "test")
print(f"simulated: {', '.join(views)}")
densenet = views["sim_densenet169"]
densenet[["study", "view", "patient", "study_type", "logit", "probability", "status"]].head()

# %% [markdown]
# ## Views, studies, patients
#
# A patient may have several studies, and a study several views. The patients are the independent units: 1,199 studies
# of 783 patients tell less than 1,199 studies of 1,199 patients. Every interval in this library counts patients.

# %%
valid_views = me.read_predictions(simulated, "valid")["sim_densenet169"]
shape = pd.DataFrame(
    {
        split: {key: rows[key].nunique() for key in ("patient", "study")} | {"view": len(rows)}
        for split, rows in {"valid": valid_views, "test": densenet}.items()
    }
)
print("simulated, how many of each")
shape

# %%
per_type = valid_views.groupby("study_type").agg(studies=("study", "nunique"), views=("view", "size"))
per_type.assign(views_per_study=(per_type["views"] / per_type["studies"]).round(2))

# %% [markdown]
# ## A view that cannot be read is a failed row
#
# It keeps its place, its probability is empty and `reason` says why. No neighbour's value is put there. Whoever pools
# views to studies must then decide; here we damage one view on purpose and see what happens.

# %%
damaged = densenet.copy()
damaged.loc[0, ["logit", "probability", "status", "reason"]] = [
    float("nan"),
    float("nan"),
    "failed",
    "truncated file",
]
try:
    me.pool_studies({"sim_densenet169": damaged})
except me.InputError as error:
    print(error)
pooled = me.pool_studies({"sim_densenet169": damaged}, missing="renormalise")
print(
    f"pooled over the views that remain: {pooled.failed_views.sum()} view lost, {len(pooled.studies)} studies"
)

# %% [markdown]
# ## Studies: all backbones side by side
#
# The probability of a study is the mean over its views, as in the MURA paper (arXiv 1712.06957). Notebook 2 looks at
# other ways.

# %%
valid = me.read_study_probabilities(simulated, "valid")
gold = me.read_labels(simulated / "labels_valid.csv").loc[valid.studies.index]
long = valid.probabilities.assign(gold=gold.map({0: "normal", 1: "abnormal"})).melt(
    "gold", var_name="backbone", value_name="probability"
)
grid = sns.displot(
    long,
    x="probability",
    hue="gold",
    hue_order=["normal", "abnormal"],
    col="backbone",
    col_wrap=3,
    bins=20,
    height=2.2,
    aspect=1.3,
    palette=["#636c76", "#b94a00"],
)
grid.set_titles("{col_name}").figure.suptitle("Study probabilities, split valid (simulated)", y=1.04)
plt.show()

# %% [markdown]
# What to see: all backbones put most normal studies low, but they are on different scales. `sim_efficientnet_b3` is
# bold (53 % of its probabilities are below 0.1 or above 0.9), `sim_mobilenet_v3` timid (21 %). A cut of 0.5 does not
# mean the same to each of them.
#
# ## Kappa with its interval
#
# A study is called abnormal above 0.5. `kappa_table` needs the calls and, for the same studies, patient, study type and
# gold standard.

# %%
kappas = me.kappa_table(valid.calls(), valid.studies.assign(gold=gold))
print(me.kappa_lines(kappas, data="simulated"))
kappas.iloc[:, :8].round(3)

# %% [markdown]
# Intervals of neighbours overlap. That neither shows nor rules out a difference: the raters saw the same studies, so
# only their paired difference decides (notebook 4).
#
# ## The same on real radiographs
#
# 624 chest radiographs of PneumoniaMNIST (CC BY 4.0), labels real. Their patients are not known, so each study counts as
# its own patient and the intervals may be too narrow; `predictions/pneumoniamnist/README.md` says what else to know.

# %%
chest = me.read_study_probabilities(pneumonia, "test")
chest_gold = me.read_labels(pneumonia / "labels.csv").loc[chest.studies.index]
kappas = me.kappa_table(chest.calls(), chest.studies.assign(gold=chest_gold))
print(me.kappa_lines(kappas, data="real"))
kappas.iloc[:, :8].round(3)

# %% [markdown]
# ## Where the numbers come from
#
# The card beside the predictions says what made them; its key changes when anything that could change them does.

# %%
card = chest.cards["vit-tiny"]
pd.Series({"made by": card["made_by"], "simulated": card["simulated"]} | card["splits"]["test"])

# %% [markdown]
# Next: [2. Views to studies](02_views_to_studies.py).
