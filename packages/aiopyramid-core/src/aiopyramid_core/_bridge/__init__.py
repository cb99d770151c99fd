"""The bridge: synchronous code waits for awaitables of the event loop.

In a greenlet of the bridge, which runs on the event loop's own thread, waiting means to switch to
another greenlet: the thread goes on with other requests. One ``await_``, switch by switch, in a
request whose view calls ``await_(asyncio.sleep(1))``::

      the request's Task (parent)            the bridge greenlet (child)
      ───────────────────────────            ───────────────────────────
    1 spawn_greenlet(application)
    2 worker.switch(call)        ──────────▶ application → tweens → view
    3                                        await_in_bridge(sleep):
                                               sleep.send(None) → future
    4 signal = future            ◀────────── driver.switch(future)
    5 yield future
      ┄┄┄ the event loop does other things for a second ┄┄┄
    6 the loop resumes the Task
    7 worker.switch(None)        ──────────▶   sleep.send(None) → StopIteration
    8                                        await_ returns; view → tweens → application
    9 signal = ENDED             ◀────────── driver.switch(ENDED)
   10 the greenlet goes back to the pool; spawn_greenlet returns the result

The coroutine itself runs in the greenlet (step 3). Only the value that it yields, the bare future,
goes up to the Task. So synchronous code that the coroutine calls can wait again, to any depth, and
no Task is created for a call.

A plain thread does not run an event loop. It asks the loop's thread to run the awaitable and blocks
until the result arrives.

``driver``
    The two sides of the drawing: the only module that switches the bridge's own greenlets.
``pool``
    Creates greenlets and keeps them for other calls.
``by_hand``
    Greenlets that code written for aiopyramid 0.x switches itself.
``tasks``
    Waiting in Tasks that a request creates.
``carrying``
    Context variables and exceptions across greenlets and threads.
``from_thread``
    Waiting in a plain thread.
``process_loop``
    The event loop of a process whose server has none.
``refusal``
    The error for places where nothing can wait.
``sqlalchemy``
    Waiting in SQLAlchemy's asyncio dialects, and below its ``AsyncSession.run_sync()``.
"""
