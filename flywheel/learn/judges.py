"""How far judges of recommendations can be believed, where nobody knows the truth."""

from __future__ import annotations

import numpy as np

from flywheel.records.columns import RecommendationColumns
from flywheel.records.trust import JudgeSkill
from flywheel.stats.crowd import FEW_LABELS, dawid_skene

UNKNOWN_JUDGE = "(unknown)"


def judge_skills(columns: RecommendationColumns) -> tuple[JudgeSkill, ...]:
    """Skill of each judge, from recommendations that several judged; the most accurate first.

    Judges are held against what all of them together make likely. With two
    judges nobody can say who of them errs, so a recommendation needs another
    judge, and a judge enough of such recommendations.

    Args:
        columns: judgements; those of agents on themselves are left out.

    Returns:
        One record per judge; the rates are None where nobody else judged what this judge did.
    """
    own = np.array(
        [*(columns.agent.names.index(n) if n in columns.agent.names else -2 for n in columns.judge.names), -2]
    )
    counted = ~np.isnan(columns.success) & (own[columns.judge.codes] != columns.agent.codes)
    if not counted.any():
        return ()
    names = (*columns.judge.names, UNKNOWN_JUDGE)
    judge = np.where(columns.judge.codes[counted] < 0, len(names) - 1, columns.judge.codes[counted])
    _, item = np.unique(columns.recommendation[counted], return_inverse=True)
    label = columns.success[counted]
    shared = np.bincount(item)[item] > 1
    all_labels = np.bincount(judge, minlength=len(names))
    found = None
    if shared.any():
        _, items = np.unique(item[shared], return_inverse=True)
        found = dawid_skene(items, judge[shared], label[shared])
    skills = []
    for code in np.flatnonzero(all_labels).tolist():
        together = 0 if found is None or code >= found.labels.size else int(found.labels[code])
        known = found if together else None
        because = "nobody else judged the same recommendations" if not together else ""
        if 0 < together < FEW_LABELS:
            because = f"{together} shared recommendations; below {FEW_LABELS} this says little"
        skills.append(
            JudgeSkill(
                judge=names[code],
                judgements=int(all_labels[code]),
                shared=together,
                accuracy=None if known is None else float(known.accuracy[code]),
                approves_good=None if known is None else float(known.sensitivity[code]),
                rejects_bad=None if known is None else float(known.specificity[code]),
                because=because,
            )
        )
    return tuple(sorted(skills, key=lambda one: (one.accuracy is None, -(one.accuracy or 0.0), one.judge)))
