"""Requests that the server refuses by itself, before a route sees them."""

from search_faces.problems import HttpProblem


class Refused(Exception):
    """A request is answered with a problem, and its body is not read to the end."""

    def __init__(self, problem: HttpProblem) -> None:
        super().__init__(problem.detail)
        self.problem = problem
