"""Warnings out."""
