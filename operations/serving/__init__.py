"""The HTTP server that answers with the forecasts of the champion.

`command` is `tangency serve`; `server` listens; `connections` limits time and number of connections; `guards` says who
may ask; `application` has the endpoints; `requests` reads and checks a table; `champion` is the model in use.
"""
