"""Applications that have SQLModel tables of their own."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlmodel import Field, Session, SQLModel, create_engine, select

from flywheel.records.execution import Execution
from flywheel.store.open import open_store
from flywheel.store.schema import owned_tables


class ExecutionRow(SQLModel, table=True):
    """A warrant of an application; the table has a name that flywheel uses too."""

    __tablename__ = "execution"
    number: int = Field(primary_key=True)
    person: str


class SuiteRow(SQLModel, table=True):
    """A hotel's suite that refers to the application's own table."""

    __tablename__ = "suite"
    number: int = Field(primary_key=True)
    execution: int = Field(foreign_key="execution.number")


def test_the_metadata_of_an_application_holds_no_table_of_ours() -> None:
    """No class of flywheel is in the registry that applications share."""
    modules = {mapper.class_.__module__ for mapper in SQLModel._sa_registry.mappers}

    assert [name for name in modules if name.split(".")[0] == "flywheel"] == []
    assert __name__ in modules


def test_tables_of_the_same_name_live_side_by_side(tmp_path: Path) -> None:
    """An application makes its own `execution` and `suite` with create_all, and the store keeps ours."""
    engine = create_engine(f"sqlite:///{tmp_path / 'application.db'}")
    SQLModel.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(ExecutionRow(number=1, person="Edwina Hawthorne"))
        session.add(SuiteRow(number=7, execution=1))
        session.commit()
        assert [row.person for row in session.exec(select(ExecutionRow))] == ["Edwina Hawthorne"]
    made = set(sa.inspect(engine).get_table_names())
    engine.dispose()

    store = open_store(f"sqlite:///{tmp_path / 'flywheel.db'}")
    stored = store.executions.write([Execution(execution_id="one", outcome="passed")])
    store.close()

    assert {"execution", "suite"} <= made
    assert not made & ({table.name for table in owned_tables()} - {"execution", "suite"})
    assert stored.stored == 1
