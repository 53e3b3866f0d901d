"""The network that the evaluation compares faces with; built apart, as nothing else needs it."""
