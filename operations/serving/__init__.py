"""The HTTP server for forecasts of the champion.

- `server`: listens, and stops on signals.
- `connections`: limits the number of connections and the time that each may take.
- `guards`: checks host names, origins and the token.
- `application`: the endpoints.
- `requests`: reads and checks the table in a request.
- `answers`: JSON responses and errors.
- `champion`: the model in use.

The command `tangency serve` is in `operations.cli.serve`.
"""
