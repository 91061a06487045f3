"""The policy: loaded from a path or the hub, or made from scratch and warmed up; and what it has room for."""
