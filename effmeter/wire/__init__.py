"""What both sides of the recorder socket share: protocol, peers, paths."""
