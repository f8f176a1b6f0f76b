"""Could remote access carry the people? Demand, limits, flow, loss of one thing, trend; the systems asked."""
