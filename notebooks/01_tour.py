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
# # A tour: from views to an honest kappa
#
# Everything here is **simulated** (`predictions/simulated`): no radiograph, network or radiologist is behind any number.
# Open this file as a notebook with jupytext (`pip install "mura-ensemble[notebooks]"`), or run it as it is.

# %%
from pathlib import Path

import mura_ensemble as me
from mura_ensemble.data.predictions import read_split
from mura_ensemble.data.readers import gold_by_majority, read_readers
from mura_ensemble.data.tables import read_labels
from mura_ensemble.ensembles.fitting import gold_of
from mura_ensemble.reporting.assemble import read_cards
from mura_ensemble.stats import kappa_interval, summarise_tables, tables_2x2

here = Path(__file__).parent if "__file__" in globals() else Path.cwd()
simulated = here.parent / "predictions" / "simulated"

# %% [markdown]
# ## The cache: one row per view
#
# A view that could not be read would stand here as `failed` with its reason.

# %%
views = read_split(simulated / "sim_densenet169", "test")
views.head()

# %% [markdown]
# ## Views to studies
#
# The mean of the views is the probability of the study, as in MURA's paper.

# %%
valid = me.read_study_probabilities(simulated, "valid")
test = me.read_study_probabilities(simulated, "test")
test.probabilities.describe().round(3)

# %% [markdown]
# ## An ensemble, and what it is worth
#
# The apparent kappa flatters; the nested one was made without the patient whose studies are called.

# %%
gold_valid = gold_of(valid.studies, read_labels(simulated / "labels_valid.csv"), source="labels_valid.csv")
stack = me.fit_ensemble(valid, gold_valid, strategy="stack", cards=read_cards(simulated))
print(f"nested {stack.evaluation.nested:.3f} ({stack.evaluation.low:.3f} to {stack.evaluation.high:.3f})")
print(f"apparent {stack.evaluation.apparent:.3f}, gap {stack.evaluation.gap:+.3f}")

# %% [markdown]
# ## Against the gold standard of a panel

# %%
readers = read_readers(simulated / "readers_test.csv")
gold = gold_by_majority(readers, ["reader_1", "reader_2", "reader_3"]).loc[test.studies.index]
calls = stack.apply(test)["call"]
table = tables_2x2(gold.to_numpy(), calls.to_numpy())[0]
found = kappa_interval(table)
summary = summarise_tables(table)
print(f"kappa {found.estimate:.3f} ({found.low:.3f} to {found.high:.3f}), n = {found.n}, by {found.kind}")
print(f"sensitivity {summary.sensitivity:.3f}, specificity {summary.specificity:.3f}")

# %% [markdown]
# The same with every backbone, ensemble and reader, ranks and differences: `mura-ensemble report`.
