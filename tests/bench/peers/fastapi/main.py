# SPDX-License-Identifier: MIT
"""The FastAPI peer: the original program's design, in each process one queue and one thread.

Environment: DATABASE_URL (mysql+pymysql://user:pw@host:port/db, or
sqlite:////path?check_same_thread=false); EXPIRE_ON_COMMIT=no spares the read of an order that has
just been committed, which SQLAlchemy does by default.
"""
import base64
import hmac
import os
import queue
import threading
import time
from typing import List

from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel, Field
from sqlalchemy import JSON, Column, DateTime, Float, Integer, String, create_engine, func
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import declarative_base, sessionmaker
from sqlalchemy.pool import QueuePool

PROCESSING_S = 2
CREDENTIALS = "Basic " + base64.b64encode(b"demo:demo-secret").decode()

# FastAPI runs plain functions on 40 threads: one connection for each. SQLAlchemy 1.4 pools none to
# SQLite unless it is told to.
engine = create_engine(os.environ["DATABASE_URL"], poolclass=QueuePool, pool_size=40,
                       max_overflow=0)
Session = sessionmaker(bind=engine,
                       expire_on_commit=os.environ.get("EXPIRE_ON_COMMIT") != "no")
Base = declarative_base()


class Order(Base):
    __tablename__ = "orders"
    id = Column(Integer, primary_key=True, autoincrement=True)
    user_id = Column(String(64), index=True)
    item_ids = Column(JSON)
    total_amount = Column(Float)
    status = Column(String(16), default="Pending", index=True)
    created_at = Column(DateTime, server_default=func.now())
    processing_time = Column(Float)


class NewOrder(BaseModel):
    user_id: str = Field(min_length=1, max_length=64)
    item_ids: List[int]
    total_amount: float = Field(ge=0)


try:
    Base.metadata.create_all(engine)
except OperationalError as error:
    table_exists = 1050  # Another process of this peer was faster.
    if error.orig.args[0] != table_exists:
        raise
jobs: "queue.Queue[tuple[int, float]]" = queue.Queue()


def move(order_id: int, **values):
    with Session() as session:
        session.query(Order).filter_by(id=order_id).update(values)
        session.commit()


def process_orders():
    while True:
        order_id, accepted_at = jobs.get()
        move(order_id, status="Processing")
        time.sleep(PROCESSING_S)
        move(order_id, status="Completed", processing_time=time.time() - accepted_at)


def require_client(authorization: str = Header("")):
    if not hmac.compare_digest(authorization.encode(), CREDENTIALS.encode()):
        raise HTTPException(401, "Invalid credentials", {"WWW-Authenticate": "Basic"})


app = FastAPI(dependencies=[Depends(require_client)])
threading.Thread(target=process_orders, daemon=True).start()


@app.post("/order")
def create_order(order: NewOrder):
    with Session() as session:
        row = Order(user_id=order.user_id, item_ids=order.item_ids, total_amount=order.total_amount)
        session.add(row)
        session.commit()
        order_id = row.id
    jobs.put((order_id, time.time()))
    return {"order_id": f"ORD{order_id}", "order_status": "Pending"}


@app.get("/order/{order_id}")
def read_order(order_id: str):
    number = order_id[3:]
    with Session() as session:
        row = session.get(Order, int(number)) if number.isdigit() else None
    if row is None:
        raise HTTPException(404, "Order not found")
    return {"order_id": order_id, "order_status": row.status}


@app.get("/metrics")
def read_metrics():
    with Session() as session:
        counts = dict(session.query(Order.status, func.count()).group_by(Order.status).all())
        average = session.query(func.avg(Order.processing_time)).filter(
            Order.status == "Completed").scalar()
    return {
        "total_orders": sum(counts.values()),
        "average_processing_time": float(average or 0),
        "pending_orders": counts.get("Pending", 0),
        "processing_orders": counts.get("Processing", 0),
        "completed_orders": counts.get("Completed", 0),
    }
