"""The rules, one family in each file. Each gives findings from the same facts."""
