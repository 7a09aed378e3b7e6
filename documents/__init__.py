"""Documents of people: uploaded, parsed, cut, turned into vectors, searched.

Owns documents and all that hangs on them (attempts, texts, chunks, vectors, keys). A document's
way is the tuple STEPS in pipeline.py; its state is written by one function, in leases.py. Doors:
api, admin, the webhook of the parsing service, the stream of progress.
"""
