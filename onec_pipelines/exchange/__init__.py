"""«Обмен с сайтом»: the server that 1C pushes its exports to. It receives, proves, seals and queues; it never imports.

    protocol.py     what is asked and what is answered: pure, without a socket, a disk or a database
    names.py        which names of files are taken, and what becomes of them
    passwords.py    passwords, cookies
    inbox.py        the bodies of a session on disk
    sealing.py      archives, proofs, and the manifest of what has arrived
    records.py      sessions and packages in PostgreSQL
    service.py      these together: what an effect of the protocol does
    app.py          the HTTP around it
    client.py       a client that behaves as 1C does

A **session** is what 1C opens by `checkauth`; what has arrived in it becomes a **package**, a directory that never
changes. Who imports packages tells `onec.exchange_packages` what has come of them, and nothing else is asked.
"""
