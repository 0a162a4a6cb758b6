"""Judgement: pure functions of records plus arithmetic."""
