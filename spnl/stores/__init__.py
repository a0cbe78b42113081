"""Stores: where finished replies are kept, so that what was generated once need not be generated again."""
