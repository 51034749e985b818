"""The proof that a wallet cannot lose, mint or double a cent: many writers, and everything killed under them.

`make campaign` runs it at full size on a throwaway PostgreSQL that is as durable as a real one; the tests run the same
code at small sizes. docs/proof.md says what is proven.
"""
