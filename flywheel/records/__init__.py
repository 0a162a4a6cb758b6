"""The nouns: frozen facts, validated at the door."""
