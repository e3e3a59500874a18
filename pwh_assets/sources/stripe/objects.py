"""Stripe's objects: a row per table with its endpoint and the types of its well-known fields.

A field that is not listed arrives as JSON, so that no column's type ever depends on the data.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pwh_assets.core.source import Column

API_VERSION = "2024-06-20"
"""The shape of objects is asked for by this version, whatever the account's own default is."""

_WORDS = {
    "text": "VARCHAR",
    "int": "BIGINT",
    "bool": "BOOLEAN",
    "time": "TIMESTAMP",
    "json": "JSON",
    "decimal": "DECIMAL(38,12)",
}

_EVERYWHERE = "text: id object; time: created; bool: livemode; json: metadata"
_MONEY = "int: amount; text: currency"


def _types(*texts: str) -> dict[str, str]:
    """Lake types by field name.

    >>> _types("text: id email; time: created")
    {'id': 'VARCHAR', 'email': 'VARCHAR', 'created': 'TIMESTAMP'}
    """
    found = {}
    for part in "; ".join(texts).split("; "):
        kind, _, names = part.partition(": ")
        found.update(dict.fromkeys(names.split(), _WORDS[kind]))
    return found


@dataclass(frozen=True, slots=True)
class StripeObject:
    """One list endpoint. Without `has_created` it can be neither ordered nor narrowed by creation time."""

    name: str
    path: str
    description: str
    types: Mapping[str, str]
    params: Mapping[str, str] = field(default_factory=dict)
    has_created: bool = True

    @property
    def columns(self) -> tuple[Column, ...]:
        return tuple(Column(name, kind, name != "id") for name, kind in self.types.items())


def _object(
    name: str,
    description: str,
    types: str,
    *,
    path: str = "",
    params: Mapping[str, str] | None = None,
    has_created: bool = True,
) -> StripeObject:
    fields = _types(_EVERYWHERE, types)
    if not has_created and "time: created" not in types:
        fields.pop("created")
    return StripeObject(
        name, f"/v1/{path or name + 's'}", description, fields, params or {}, has_created
    )


OBJECTS: tuple[StripeObject, ...] = (
    _object(
        "customer",
        "Who is billed.",
        "text: email name phone description currency default_source invoice_prefix tax_exempt test_clock; "
        "int: balance next_invoice_sequence; bool: delinquent; "
        "json: address shipping discount invoice_settings preferred_locales cash_balance",
    ),
    _object(
        "invoice",
        "What customers owe and paid; amounts in the currency's smallest unit.",
        "text: customer customer_email customer_name customer_phone customer_tax_exempt number status currency "
        "account_country account_name billing_reason collection_method subscription charge payment_intent "
        "default_payment_method default_source description footer hosted_invoice_url invoice_pdf quote "
        "receipt_number statement_descriptor latest_revision test_clock; "
        "int: amount_due amount_paid amount_remaining amount_shipping subtotal subtotal_excluding_tax tax total "
        "total_excluding_tax starting_balance ending_balance attempt_count application_fee_amount "
        "pre_payment_credit_notes_amount post_payment_credit_notes_amount; "
        "bool: paid paid_out_of_band attempted auto_advance; "
        "time: due_date effective_at next_payment_attempt period_start period_end webhooks_delivered_at; "
        "json: customer_address customer_shipping customer_tax_ids lines discount discounts status_transitions "
        "total_tax_amounts total_discount_amounts default_tax_rates custom_fields payment_settings "
        "automatic_tax account_tax_ids threshold_reason rendering issuer from_invoice "
        "last_finalization_error subscription_details transfer_data application on_behalf_of shipping_cost "
        "shipping_details",
    ),
    _object(
        "charge",
        "Attempts to move money; amounts in the currency's smallest unit.",
        f"{_MONEY} customer invoice payment_intent payment_method balance_transaction description status "
        "failure_balance_transaction failure_code failure_message receipt_email receipt_number receipt_url "
        "statement_descriptor statement_descriptor_suffix calculated_statement_descriptor review transfer "
        "transfer_group source_transfer on_behalf_of dispute order application application_fee; "
        "int: amount_captured amount_refunded application_fee_amount; "
        "bool: captured disputed paid refunded; "
        "json: billing_details fraud_details outcome payment_method_details refunds shipping source "
        "transfer_data radar_options level3",
    ),
    _object(
        "subscription",
        "What customers pay for again and again, ended ones too.",
        "text: customer status currency collection_method default_payment_method default_source description "
        "latest_invoice pending_setup_intent schedule next_pending_invoice_item_invoice test_clock; "
        "int: days_until_due quantity; decimal: application_fee_percent; bool: cancel_at_period_end; "
        "time: start_date current_period_start current_period_end cancel_at canceled_at ended_at trial_start "
        "trial_end billing_cycle_anchor; "
        "json: items plan discount discounts default_tax_rates automatic_tax billing_thresholds "
        "billing_cycle_anchor_config cancellation_details invoice_settings pause_collection payment_settings "
        "pending_invoice_item_interval pending_update transfer_data trial_settings application on_behalf_of",
        params={"status": "all"},
    ),
    _object(
        "product",
        "What is sold.",
        "text: name description default_price statement_descriptor tax_code type unit_label url; "
        "bool: active shippable; time: updated; "
        "json: images attributes features marketing_features package_dimensions",
    ),
    _object(
        "price",
        "What a product costs, and how often.",
        "text: product currency nickname billing_scheme lookup_key tax_behavior tiers_mode type; "
        "int: unit_amount; decimal: unit_amount_decimal; bool: active; "
        "json: recurring tiers transform_quantity custom_unit_amount currency_options",
    ),
    _object(
        "balance_transaction",
        "Everything that moved the account's balance; never changes after it is available.",
        f"{_MONEY} source status type reporting_category description; int: fee net; time: available_on; "
        "decimal: exchange_rate; json: fee_details",
    ),
    _object(
        "payment_intent",
        "Payments from their beginning on.",
        f"{_MONEY} customer invoice payment_method latest_charge description status cancellation_reason "
        "capture_method confirmation_method client_secret receipt_email setup_future_usage review "
        "statement_descriptor statement_descriptor_suffix transfer_group on_behalf_of source; "
        "int: amount_capturable amount_received application_fee_amount; time: canceled_at; "
        "json: amount_details automatic_payment_methods last_payment_error next_action "
        "payment_method_configuration_details payment_method_options payment_method_types processing shipping "
        "transfer_data application",
    ),
    _object(
        "refund",
        "Money given back.",
        f"{_MONEY} charge payment_intent balance_transaction failure_balance_transaction failure_reason "
        "description instructions_email reason receipt_number status source_transfer_reversal "
        "transfer_reversal; json: destination_details next_action",
    ),
    _object(
        "dispute",
        "Charges a customer's bank questions.",
        f"{_MONEY} charge payment_intent reason status network_reason_code; bool: is_charge_refundable; "
        "json: balance_transactions evidence evidence_details payment_method_details",
    ),
    _object(
        "payout",
        "Money sent to the account's bank.",
        f"{_MONEY} balance_transaction destination description status type method source_type "
        "failure_balance_transaction failure_code failure_message original_payout reversed_by "
        "reconciliation_status statement_descriptor application_fee; int: application_fee_amount; "
        "bool: automatic; time: arrival_date; json: trace_id",
    ),
    _object(
        "credit_note",
        "Corrections of invoices.",
        f"{_MONEY} customer customer_balance_transaction invoice number memo pdf reason refund status type; "
        "int: amount_shipping discount_amount out_of_band_amount subtotal subtotal_excluding_tax total "
        "total_excluding_tax; time: effective_at voided_at; "
        "json: lines discount_amounts tax_amounts shipping_cost",
    ),
    _object(
        "invoice_item",
        "Lines waiting for the next invoice, or on one.",
        f"{_MONEY} customer invoice subscription subscription_item description test_clock; "
        "int: quantity unit_amount; decimal: unit_amount_decimal; bool: discountable proration; time: date; "
        "json: discounts period plan price tax_rates",
        path="invoiceitems",
    ),
    _object(
        "coupon",
        "Discounts.",
        "text: name currency duration; int: amount_off duration_in_months max_redemptions times_redeemed; "
        "decimal: percent_off; bool: valid; time: redeem_by; json: applies_to currency_options",
    ),
    _object(
        "promotion_code",
        "Codes customers redeem for a coupon.",
        "text: code customer; int: max_redemptions times_redeemed; bool: active; time: expires_at; "
        "json: coupon restrictions",
    ),
    _object(
        "plan",
        "Prices as they were called before 2020.",
        f"{_MONEY} product nickname interval aggregate_usage billing_scheme meter tiers_mode usage_type; "
        "int: interval_count trial_period_days; decimal: amount_decimal; bool: active; "
        "json: tiers transform_usage",
    ),
    _object(
        "checkout_session",
        "Visits to a hosted payment page.",
        "text: customer customer_email client_reference_id client_secret currency invoice locale mode "
        "payment_intent payment_link payment_method_collection payment_status recovered_from setup_intent "
        "status submit_type subscription success_url cancel_url return_url ui_mode url "
        "billing_address_collection customer_creation redirect_on_completion; "
        "int: amount_subtotal amount_total; bool: allow_promotion_codes; time: expires_at; "
        "json: after_expiration automatic_tax consent consent_collection currency_conversion custom_fields "
        "custom_text customer_details invoice_creation payment_method_configuration_details "
        "payment_method_options payment_method_types phone_number_collection saved_payment_method_options "
        "shipping_address_collection shipping_cost shipping_details shipping_options tax_id_collection "
        "total_details",
        path="checkout/sessions",
    ),
    _object(
        "transfer",
        "Money moved to connected accounts.",
        f"{_MONEY} balance_transaction description destination destination_payment source_transaction "
        "source_type transfer_group; int: amount_reversed; bool: reversed; json: reversals",
    ),
    _object(
        "tax_rate",
        "Rates applied to invoices.",
        "text: display_name description jurisdiction jurisdiction_level country state tax_type rate_type; "
        "decimal: percentage effective_percentage; bool: active inclusive; json: flat_amount",
    ),
)

BY_NAME: Mapping[str, StripeObject] = {one.name: one for one in OBJECTS}
