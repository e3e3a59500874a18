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

_EVERYWHERE = "text: id object; time: created; bool: livemode deleted; json: metadata"
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
    """One list endpoint. Without `has_created` it cannot be narrowed by creation time."""

    name: str
    path: str
    description: str
    types: Mapping[str, str]
    params: Mapping[str, str] = field(default_factory=dict)
    has_created: bool = True
    noun: str = ""
    """What `object` says."""
    events: tuple[str, ...] = ()
    """Types of the events that tell of changes; none for objects whose changes Stripe does not tell."""
    parent: str = ""
    """The object whose list in field `nested` holds these; they are read through it."""
    nested: str = ""

    @property
    def cursor(self) -> str:
        """The column a sync goes by."""
        return f"{self.parent}_created" if self.parent else "created"

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
    noun: str = "",
    events: str = "",
    parent: str = "",
    nested: str = "",
) -> StripeObject:
    """`events` are words of types; without a dot they belong to the object."""
    fields = _types(_EVERYWHERE, types)
    if parent == "invoice":
        del fields["created"]  # lines have no time of their own
    noun = noun or name
    told = tuple(word if "." in word else f"{noun}.{word}" for word in events.split())
    where = f"/v1/{path or name + 's'}"
    return StripeObject(
        name, where, description, fields, params or {}, has_created, noun, told, parent, nested
    )


OBJECTS: tuple[StripeObject, ...] = (
    _object(
        "customer",
        "Who is billed.",
        "text: email name phone description currency default_source invoice_prefix tax_exempt test_clock; "
        "int: balance next_invoice_sequence; bool: delinquent; "
        "json: address shipping discount invoice_settings preferred_locales cash_balance",
        events="created updated deleted",
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
        events="created deleted finalization_failed finalized marked_uncollectible overdue "
        "overpaid paid payment_action_required payment_failed payment_succeeded sent "
        "updated voided will_be_due",
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
        events="captured expired failed pending refunded succeeded updated",
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
        events="customer.subscription.created customer.subscription.deleted "
        "customer.subscription.paused customer.subscription.pending_update_applied "
        "customer.subscription.pending_update_expired customer.subscription.resumed "
        "customer.subscription.trial_will_end customer.subscription.updated",
    ),
    _object(
        "product",
        "What is sold.",
        "text: name description default_price statement_descriptor tax_code type unit_label url; "
        "bool: active shippable; time: updated; "
        "json: images attributes features marketing_features package_dimensions",
        events="created updated deleted",
    ),
    _object(
        "price",
        "What a product costs, and how often.",
        "text: product currency nickname billing_scheme lookup_key tax_behavior tiers_mode type; "
        "int: unit_amount; decimal: unit_amount_decimal; bool: active; "
        "json: recurring tiers transform_quantity custom_unit_amount currency_options",
        events="created updated deleted",
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
        events="*",
    ),
    _object(
        "refund",
        "Money given back.",
        f"{_MONEY} charge payment_intent balance_transaction failure_balance_transaction failure_reason "
        "description instructions_email reason receipt_number status source_transfer_reversal "
        "transfer_reversal; json: destination_details next_action",
        events="created updated failed",
    ),
    _object(
        "dispute",
        "Charges a customer's bank questions.",
        f"{_MONEY} charge payment_intent reason status network_reason_code; bool: is_charge_refundable; "
        "json: balance_transactions evidence evidence_details payment_method_details",
        events="charge.dispute.*",
    ),
    _object(
        "payout",
        "Money sent to the account's bank.",
        f"{_MONEY} balance_transaction destination description status type method source_type "
        "failure_balance_transaction failure_code failure_message original_payout reversed_by "
        "reconciliation_status statement_descriptor application_fee; int: application_fee_amount; "
        "bool: automatic; time: arrival_date; json: trace_id",
        events="*",
    ),
    _object(
        "credit_note",
        "Corrections of invoices.",
        f"{_MONEY} customer customer_balance_transaction invoice number memo pdf reason refund status type; "
        "int: amount_shipping discount_amount out_of_band_amount subtotal subtotal_excluding_tax total "
        "total_excluding_tax; time: effective_at voided_at; "
        "json: lines discount_amounts tax_amounts shipping_cost",
        events="created updated voided",
    ),
    _object(
        "invoice_item",
        "Lines waiting for the next invoice, or on one.",
        f"{_MONEY} customer invoice subscription subscription_item description test_clock; "
        "int: quantity unit_amount; decimal: unit_amount_decimal; bool: discountable proration; time: date; "
        "json: discounts period plan price tax_rates",
        path="invoiceitems",
        noun="invoiceitem",
        events="created deleted",
    ),
    _object(
        "coupon",
        "Discounts.",
        "text: name currency duration; int: amount_off duration_in_months max_redemptions times_redeemed; "
        "decimal: percent_off; bool: valid; time: redeem_by; json: applies_to currency_options",
        events="created updated deleted",
    ),
    _object(
        "promotion_code",
        "Codes customers redeem for a coupon.",
        "text: code customer; int: max_redemptions times_redeemed; bool: active; time: expires_at; "
        "json: coupon restrictions",
        events="created updated",
    ),
    _object(
        "plan",
        "Prices as they were called before 2020.",
        f"{_MONEY} product nickname interval aggregate_usage billing_scheme meter tiers_mode usage_type; "
        "int: interval_count trial_period_days; decimal: amount_decimal; bool: active; "
        "json: tiers transform_usage",
        events="created updated deleted",
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
        noun="checkout.session",
        events="*",
    ),
    _object(
        "transfer",
        "Money moved to connected accounts.",
        f"{_MONEY} balance_transaction description destination destination_payment source_transaction "
        "source_type transfer_group; int: amount_reversed; bool: reversed; json: reversals",
        events="*",
    ),
    _object(
        "tax_rate",
        "Rates applied to invoices.",
        "text: display_name description jurisdiction jurisdiction_level country state tax_type rate_type; "
        "decimal: percentage effective_percentage; bool: active inclusive; json: flat_amount",
        events="created updated",
    ),
    _object(
        "invoice_line_item",
        "Lines of invoices, also of those with more lines than an invoice shows.",
        f"{_MONEY} invoice invoice_item subscription subscription_item description type; time: invoice_created; "
        "int: amount_excluding_tax quantity; decimal: unit_amount_excluding_tax; bool: discountable proration; "
        "json: period plan price discounts discount_amounts tax_amounts tax_rates proration_details "
        "pretax_credit_amounts",
        path="invoices",
        noun="line_item",
        parent="invoice",
        nested="lines",
    ),
    _object(
        "subscription_item",
        "What a subscription consists of.",
        "text: subscription; int: quantity; time: subscription_created; "
        "json: plan price tax_rates discounts billing_thresholds",
        path="subscriptions",
        params={"status": "all"},
        parent="subscription",
        nested="items",
    ),
    _object(
        "payment_method",
        "Cards and accounts customers pay with.",
        "text: customer type allow_redisplay; json: billing_details card sepa_debit us_bank_account link",
        has_created=False,
    ),
    _object(
        "setup_intent",
        "Attempts to set a payment method up.",
        "text: application cancellation_reason client_secret customer description latest_attempt mandate "
        "on_behalf_of payment_method single_use_mandate status usage; "
        "json: attach_to_self automatic_payment_methods flow_directions last_setup_error next_action "
        "payment_method_options payment_method_types payment_method_configuration_details",
        events="*",
    ),
    _object(
        "subscription_schedule",
        "Planned changes of subscriptions.",
        "text: customer subscription released_subscription status end_behavior application test_clock; "
        "time: canceled_at completed_at released_at; json: current_phase default_settings phases",
        events="*",
    ),
    _object(
        "quote",
        "Offers to customers.",
        "text: customer currency status number invoice subscription subscription_schedule header footer "
        "description collection_method; int: amount_subtotal amount_total; time: expires_at; "
        "json: computed discounts status_transitions total_details",
        has_created=False,
    ),
    _object(
        "topup",
        "Money added to the balance.",
        f"{_MONEY} balance_transaction description failure_code failure_message statement_descriptor status "
        "transfer_group; time: expected_availability_date; json: source",
        events="*",
    ),
    _object(
        "review",
        "Payments a person looks at.",
        "text: charge payment_intent reason opened_reason closed_reason billing_zip ip_address; bool: open; "
        "json: ip_address_location session",
        events="opened closed",
    ),
    _object(
        "early_fraud_warning",
        "Charges a card's issuer warns of.",
        "text: charge payment_intent fraud_type; bool: actionable",
        path="radar/early_fraud_warnings",
        noun="radar.early_fraud_warning",
        events="created updated",
    ),
    _object(
        "application_fee",
        "What a platform took.",
        f"{_MONEY} account application balance_transaction charge originating_transaction; "
        "int: amount_refunded; bool: refunded; json: refunds fee_source",
        events="created refunded",
    ),
    _object(
        "account",
        "Connected accounts of a platform.",
        "text: email country default_currency type business_type; "
        "bool: charges_enabled details_submitted payouts_enabled; "
        "json: business_profile capabilities company controller external_accounts future_requirements "
        "individual requirements settings tos_acceptance",
        events="account.updated",
    ),
    _object(
        "shipping_rate",
        "What shipping costs.",
        "text: display_name tax_behavior tax_code type; bool: active; json: delivery_estimate fixed_amount",
    ),
    _object(
        "payment_link",
        "Links that lead to a checkout.",
        "text: url currency billing_address_collection; bool: active allow_promotion_codes; "
        "json: after_completion line_items",
        has_created=False,
    ),
    _object(
        "event",
        "What happened in the account in the last 30 days.",
        "text: type api_version account; int: pending_webhooks; json: data request",
    ),
)

BY_NAME: Mapping[str, StripeObject] = {one.name: one for one in OBJECTS}
BY_NOUN: Mapping[str, StripeObject] = {one.noun: one for one in OBJECTS if not one.parent}
"""By what `object` says in an answer or an event."""


def children(name: str) -> tuple[str, ...]:
    """The tables that are read through this one.

    >>> children("invoice"), children("charge")
    (('invoice_line_item',), ())
    """
    return tuple(one.name for one in OBJECTS if one.parent == name)
