'''Your own features.

One annotated function is one feature. Its name is the column, its parameters are its inputs, its docstring is
its definition. Write it here, or in a new module of this package (`features/library/` holds the shipped ones). The
next run uses it.

    from features.kernels.rolling import rolling_std
    from features.spec import feature
    from foundation.types import Floats

    @feature(stage="asset", lookback=6, unit="fraction per observation")
    def volatility_6(returns: Floats, month: int) -> Floats:
        """Standard deviation of the returns of 6 months."""
        return rolling_std(returns, 6 * month)

A parameter is an input of `features.spec.INPUTS` (`returns`, `level`, `market`, `month`, ...), another feature
(`volatility_12`), or a macro series of the panel (`core_cpi`). Rows are dates, oldest first. The function
returns (T, N), or (T,) for values that all assets share. Row t may depend on rows up to t alone. A feature fits
nothing. An undefined value is NaN, never infinite. A feature must not depend on the unit of an asset's prices or
volumes, which later splits and dividends change (docs/features.md). `lookback` is the months of history that the
function needs beyond those of its inputs. `stage` declares which assets a value depends on: in the stages asset, bar
and macro on its own asset, in cross_section and market on all. The kernels of `features.kernels.rolling` and
`features.kernels.across` keep these rules. The tests of this package check every registered feature, also yours, for a
look ahead and a false stage; so does the audit of each run.
'''
