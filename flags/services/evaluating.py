"""Asking for a flag: what the rest of the house calls. Each question is counted."""

import uuid
from typing import Final

import psycopg

from flags import counting, queries, rules
from flags.evaluation import Flag, RuleSet
from flags.types import Context, Explanation, Outcome, Reason, Step

# Outcomes that one rule set keeps: some 10 MB.
MOST_ANSWERS: Final = 200_000


def evaluate(key: str, context: Context, *, environment: str = "") -> Outcome:
    """Give the outcome of a flag.

    If no rule set could be read yet, or the flag is unknown, it has no value: the caller's own
    default holds. Only flags that there are get counted, as anybody may ask for any key.
    """
    try:
        rule_set = rules.current(environment)
        flag = rule_set.flags.get(key)
        if flag is None:
            return rule_set.ask(key, context)
        outcome = flag.ask(context, rule_set)
    except (psycopg.Error, RecursionError):
        return Outcome(key, None, None, Reason.ERROR_DEFAULT, 0)
    counting.take((outcome, context.targeting_key))
    return outcome


def evaluate_all(rule_set: RuleSet, context: Context) -> list[Outcome]:
    """Give the outcomes of all flags of a rule set, by key.

    Kept with the rule set for who told nothing of themselves: they ask again and again.
    """
    subject = context.targeting_key
    asker = (subject, context.email, context.tenant_id, context.is_stranger)
    if not context.attributes and (known := rule_set.answers.get(asker)):
        counting.take(known[1])
        return known[0]
    outcomes: list[Outcome] = []
    taken: list[Outcome | str | None] = []
    for flag in rule_set.flags.values():
        try:
            outcome = flag.ask(context, rule_set)
        except RecursionError:
            # A cycle, written past the services: the others must go on.
            outcome = Outcome(flag.key, None, None, Reason.ERROR_DEFAULT, 0)
        else:
            taken += (outcome, subject)
        outcomes.append(outcome)
    counting.take(taken)
    if not context.attributes:
        if len(rule_set.answers) * max(1, len(outcomes)) > MOST_ANSWERS:
            rule_set.answers.clear()
        rule_set.answers[asker] = outcomes, taken
    return outcomes


def is_on(key: str, user_id: uuid.UUID, *, default: bool) -> bool:
    """Tell whether a person of ours has a feature; `default` if there is no such flag."""
    flag = _flag(key)
    if flag is not None and flag.asks_more_than_the_key:
        context = queries.context_of_person(user_id)
    else:
        context = Context(targeting_key=str(user_id))
    value = evaluate(key, context).value
    return value if isinstance(value, bool) else default


def percentage(key: str, *, default: float) -> float:
    """Give how many of 100 people are in a flag's rollout; `default` if there is no such flag."""
    flag = _flag(key)
    return flag.percentage if flag else default


def _flag(key: str) -> Flag | None:
    try:
        return rules.current().flags.get(key)
    except psycopg.Error:
        return None


def explain(rule_set: RuleSet, key: str, context: Context) -> Explanation | None:
    """Say why somebody gets what they get; None if there is no such flag. It is not counted."""
    flag = rule_set.flags.get(key)
    if flag is None:
        return None
    try:
        return flag.explain(context, rule_set)
    except RecursionError:
        outcome = Outcome(key, None, None, Reason.ERROR_DEFAULT, flag.version)
        path = [Step("prerequisites", is_decisive=True, detail="The flags wait for each other.")]
        return Explanation(outcome, None, path)
