"""What other processes do to a store in the tests."""

from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier

from facesearch.stores import open_store
from tests.contract.samples import RECIPE, indexed, vector


def write_own_and_shared(url: str, worker: int, workers: int, start: Barrier) -> None:
    """30 photos of its own, and now and then the one photo that all workers write."""
    start.wait()
    with open_store(url, RECIPE) as store:
        for number in range(30):
            sequence = number * workers + worker
            shared = indexed("shared", sequence, [vector(sequence)] * (1 + sequence % 3))
            own = indexed(f"worker {worker} photo {number}", 1, [vector(1000 + sequence)])
            store.write([own, shared])


def write_until_killed(url: str, acknowledged: Connection) -> None:
    with open_store(url, RECIPE) as store:
        number = 0
        while True:
            store.write([indexed(f"p{number}", 1, [vector(number)])])
            acknowledged.send(number)
            number += 1
