'''Your own features.

One annotated function is one feature. Its name is the column, its parameters are its inputs, its docstring is
its definition. Write it here, or in a new module of this package (`features/library/` holds ours). It shows up in
the next run.

    from features.kernels.rolling import rolling_std
    from features.spec import feature
    from foundation.types import Floats

    @feature(stage="asset", lookback=6, unit="fraction per observation")
    def volatility_6(returns: Floats, month: int) -> Floats:
        """Standard deviation of the returns of 6 months."""
        return rolling_std(returns, 6 * month)

A parameter is an input of `features.spec.INPUTS` (`returns`, `level`, `market`, `month`, ...), another feature
(`volatility_12`), or a macro series of the panel (`core_cpi`). Rows are dates, oldest first. The function
returns (T, N), or (T,) for what all assets share; row t may depend on rows up to t alone; nothing may be fitted;
a value that is undefined is NaN, never infinite; it must not depend on the unit of an asset's prices or volumes,
which later splits and dividends change (docs/features.md). `lookback` is the months of history that the function
itself needs beyond what the features among its inputs need. A feature of stage asset sees each asset by itself; what
sees several belongs to stage cross_section or market. The kernels of `features.kernels.rolling` and
`features.kernels.across` keep these rules, and the tests of this package try every registered feature, also yours,
for a look ahead.
'''
