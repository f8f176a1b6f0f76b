"""Clients of Citrix systems: NetScaler, Monitor, CVAD, StoreFront and Gateway."""
