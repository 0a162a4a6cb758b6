"""Warnings out: alerts with their channels."""
