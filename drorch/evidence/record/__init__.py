"""The record of a run: what its journal and its evidence say, put together once. Renderings compute nothing."""
