"""Messages by web request: one POST, no redirect, no proxy, no address in any error."""

from __future__ import annotations

import ssl

import httpx

from drorch.adapters.notify.recipients import Allowed, refuse_outside
from drorch.callout.model import Channel, Delivery, Message, Sending


class WebhookNotifier:
    """Posts to addresses of ``allowed`` and to no other; a redirect is an answer, not a new address."""

    def __init__(self, allowed: Allowed, timeout_s: float, verify: ssl.SSLContext | bool = True) -> None:
        self._allowed, self._timeout_s, self._verify = allowed, timeout_s, verify

    def send(self, message: Message) -> Delivery:
        """Refused for an address outside the tree; everything else is said in the answer."""
        refuse_outside(message, Channel.WEBHOOK, self._allowed)
        body = {
            "text": f"{message.subject}\n\n{message.text}",
            "subject": message.subject,
            "link": message.link,
            "exercise": True,
            "reference": message.reference,
        }
        try:
            with httpx.Client(
                timeout=self._timeout_s, follow_redirects=False, trust_env=False, verify=self._verify
            ) as client:
                answer = client.post(message.address, json=body, headers={"Idempotency-Key": message.reference})
        except (httpx.ReadTimeout, httpx.WriteTimeout):
            return Delivery(sending=Sending.UNKNOWN, why="the web receiver gave no answer in time")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return Delivery(
                sending=Sending.NOT_SENT, why=f"the web receiver could not be reached: {type(error).__name__}"
            )
        if answer.is_success:
            return Delivery(sending=Sending.SENT)
        return Delivery(sending=Sending.NOT_SENT, why=f"the web receiver said {answer.status_code}")
