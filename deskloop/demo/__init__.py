"""The sample shop Larkfell Outdoor: its raw sources, how they are made, and how its customers are played."""
