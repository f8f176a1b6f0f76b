"""Can remote access carry the people? Demand, limits, flow, loss of one thing, trend. Pure: reads no file, no clock."""
