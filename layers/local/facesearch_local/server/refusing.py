"""Requests that the server itself refuses, before a route sees them."""

from search_faces.problems import HttpProblem


class Refused(Exception):
    """The request is answered with a problem, and the rest of its body is not read."""

    def __init__(self, problem: HttpProblem) -> None:
        super().__init__(problem.detail)
        self.problem = problem
