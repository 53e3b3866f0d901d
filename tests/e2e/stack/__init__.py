"""The whole system on one machine, wired by the synthesised template: `make up`, `make down`."""
