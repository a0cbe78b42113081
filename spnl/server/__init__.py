"""`spnl serve`: models of this machine for other programs, over the protocol of OpenAI's API.

    connections listening     sockets, time limits, the end
    app guard                 routes, and who may come in
    requests reading          what clients ask, and what it comes to
    desk sharing served       how requests of all clients share engines
    answering chat completions queries replies    what clients get

Everything here needs the extra `serve`; only the command imports it.
"""
