"""The limit of the import: polars reads and groups an export with exact decimals, and nothing else.

`python -m benchmarks.read_and_group FILE` prints the number of groups.
"""

import sys

import polars as pl

GROUPS = ("ProviderName", "SubAccountId", "ChargePeriodStart", "ServiceName", "ServiceCategory", "ChargeCategory",
          "BillingCurrency")  # fmt: skip


def main(path: str) -> None:
    """Groups by scope, day and charge key, as the import must at least."""
    with_costs = pl.scan_csv(path, infer_schema=False).select(
        *GROUPS, pl.col("BilledCost").cast(pl.Decimal(38, 28)).alias("cost")
    )
    print(with_costs.group_by(GROUPS).agg(pl.col("cost").sum()).collect(engine="streaming").height)


if __name__ == "__main__":
    main(sys.argv[1])
