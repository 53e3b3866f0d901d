"""Several threads and processes on one store, some of which die."""

import multiprocessing
from concurrent.futures import ThreadPoolExecutor

import pytest

from facesearch.errors import StoreNotFound
from facesearch.faces import Removal
from facesearch.stores import Counts, FaceStore, open_store
from tests.contract.samples import RECIPE, indexed, photo_ids, vector
from tests.contract.workers import write_own_and_shared, write_until_killed

SPAWN = multiprocessing.get_context("spawn")


@pytest.mark.slow
def test_processes_writing_at_once_lose_nothing_while_others_read(
    store: FaceStore, store_url: str
) -> None:
    workers = 4
    start = SPAWN.Barrier(workers)
    processes = [
        SPAWN.Process(target=write_own_and_shared, args=(store_url, worker, workers, start))
        for worker in range(workers)
    ]
    for process in processes:
        process.start()
    seen = 0
    while any(process.is_alive() for process in processes):
        try:
            photos = store.counts().photos
            matches = store.search(vector(0), 200)
        except StoreNotFound:
            continue
        assert photos >= seen
        shared = [match.stored for match in matches if match.stored.photo.photo_id == "shared"]
        assert len({each.photo.sequence for each in shared}) <= 1
        assert all(len(shared) == 1 + each.photo.sequence % 3 for each in shared)
        seen = photos
    assert [process.exitcode for process in processes] == [0] * workers
    last = 30 * workers - 1
    photo = store.photo("shared")
    assert photo is not None
    assert photo.photo.sequence == last
    assert photo.faces[0].embedding.tobytes() == vector(last).tobytes()
    assert store.counts() == Counts(30 * workers + 1, 30 * workers + len(photo.faces))
    for sequence in range(30 * workers):
        number, worker = divmod(sequence, workers)
        expected = f"worker {worker} photo {number}"
        assert photo_ids(store.search(vector(1000 + sequence), 1)) == [expected]


@pytest.mark.slow
@pytest.mark.parametrize("acknowledged", [1, 40])
def test_killed_writer_loses_nothing_acknowledged(store_url: str, acknowledged: int) -> None:
    ours, theirs = SPAWN.Pipe(duplex=False)
    process = SPAWN.Process(target=write_until_killed, args=(store_url, theirs))
    process.start()
    theirs.close()
    last = -1
    while last < acknowledged - 1:
        assert ours.poll(60)
        last = ours.recv()
    process.kill()
    process.join()
    try:
        while ours.poll(0):
            last = ours.recv()
    except EOFError:
        pass
    with open_store(store_url, RECIPE) as store:
        for number in range(last + 1):
            [match] = store.search(vector(number), 1)
            assert match.stored.photo.photo_id == f"p{number}"
            assert store.photo(f"p{number}") is not None
        assert store.counts().photos in (last + 1, last + 2)
        assert store.write([Removal("p0", 2)]) == [True]


def test_threads_share_a_store(store: FaceStore) -> None:
    store.write([indexed("first", 1, [vector(0)])])

    def write_and_find(number: int) -> list[str]:
        store.write([indexed(f"p{number}", 1, [vector(number)])])
        return photo_ids(store.search(vector(number), 1))

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(write_and_find, range(1, 81)))
    assert found == [[f"p{number}"] for number in range(1, 81)]
    assert store.counts() == Counts(81, 81)


def test_reader_in_another_store_object_sees_each_write(store: FaceStore, store_url: str) -> None:
    with open_store(store_url, RECIPE) as reader:
        for number in range(1, 6):
            store.write([indexed(f"p{number}", 1, [vector(number)])])
            assert reader.counts() == Counts(number, number)
            assert photo_ids(reader.search(vector(number), 1)) == [f"p{number}"]
