"""Electric cars at home: who is there, what each one holds, and who gets the power ordered."""
